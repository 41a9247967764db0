import { readFile } from 'node:fs/promises';
import { findRule, parseApprovalRules } from '@switchyard/agent';
import { describe, expect, it } from 'vitest';
import { allTools } from './index.ts';
import { commandSubjects, pathSubject } from './subjects.ts';

describe('the path that a rule is about', () => {
  it.each([
    ['secrets/key', 'secrets/key'],
    ['./a/../secrets//key', 'secrets/key'],
    ['/workspace/secrets/key', 'secrets/key'],
    ['../etc/passwd', '/etc/passwd'],
    ['/workspace', '/workspace'],
  ])('%s is %s', (path, subject) => {
    expect(pathSubject(path)).toBe(subject);
  });
});

describe('the commands that a rule is about', () => {
  it.each([
    ['git  push   origin', ['git push origin']],
    ['cd x && git push; rm -rf y', ['cd x', 'git push', 'rm -rf y']],
    ['echo $(rm -rf x) `rm y`', ['echo', 'rm -rf x', 'rm y']],
    [
      'A=1 B="2" env rm x &',
      [{ text: 'A=1 B="2" env rm x', otherTexts: ['B="2" env rm x', 'env rm x', 'rm x'] }],
    ],
    ['nohup env A=1 rm', [{ text: 'A=1 rm', otherTexts: ['nohup env A=1 rm', 'env A=1 rm', 'rm'] }]],
    ['if true; then rm x; fi', ['if true', { text: 'rm x', otherTexts: ['then rm x'] }, 'fi']],
    ['rm \\\n -rf x', ['rm -rf x']],
    ['git log > /etc/x', ['git log', '/etc/x']],
    ['git log "a;rm b"', ['git log "a', 'rm b"']],
    ['\n', []],
  ])('%s', (command, subjects) => {
    expect(commandSubjects(command)).toEqual(subjects);
  });
});

describe('what a call is about', () => {
  const patch = [
    '*** Begin Patch',
    '*** Update File: a/../src/old.py',
    '*** Move to: src/new.py',
    '*** Delete File: gone.py',
    '*** End Patch',
  ].join('\n');
  it.each([
    ['shell', { command: 'cd x; rm y' }, ['cd x', 'rm y']],
    ['shell_input', { id: 'a', text: 'rm y' }, ['rm y']],
    ['write_file', { path: './x/../a', content: '' }, ['a']],
    ['str_replace', { path: '/workspace/a', old_str: 'a', new_str: 'b' }, ['a']],
    ['apply_patch', { patch }, ['src/old.py', 'src/new.py', 'gone.py']],
    ['delete', { paths: ['a', 'b/'] }, ['a', 'b']],
    ['delete', { paths: ['a/b/'], recursive: true }, [{ text: 'a/b', within: 'a/b/' }]],
    [
      'move',
      { from: 'a', to: 'b' },
      [
        { text: 'a', within: 'a/' },
        { text: 'b', within: 'b/' },
      ],
    ],
    ['read_file', { path: 'a' }, ['a']],
    ['list_files', {}, [{ text: '/workspace', within: '' }]],
    ['glob', { pattern: '*', path: 'src' }, [{ text: 'src', within: 'src/' }]],
    ['grep', { pattern: 'x', path: '/' }, [{ text: '/', within: '' }]],
    ['expose_port', { port: 3000 }, ['3000']],
  ])('%s', (name, input, subjects) => {
    const tool = allTools.find((one) => one.name === name);
    expect(tool?.subjectsOf?.(tool.inputSchema.parse(input))).toEqual(subjects);
  });

  it('is said by every tool of the sandbox that has an effect, but those that end a command', () => {
    const silent = allTools.filter(
      (tool) => tool.effect === 'once' && tool.needs === 'sandbox' && !('subjectsOf' in tool),
    );
    expect(silent.map(({ name }) => name)).toEqual(['shell_kill']);
  });
});

describe('the rule for a call', () => {
  const decide = (rules: string, name: string, input: unknown) => {
    const tool = allTools.find((one) => one.name === name);
    if (!tool) throw new Error(`There is no ${name}.`);
    return findRule(parseApprovalRules(rules), tool, tool.inputSchema.parse(input))?.action ?? null;
  };

  // Variables change what a command does: `ls` loads another library, `git fetch` starts another program.
  it.each([
    ['shell(ls *)=allow, shell=ask', 'ls /', 'allow'],
    ['shell(ls *)=allow, shell=ask', 'nohup ls /', 'allow'],
    ['shell(ls *)=allow, shell=ask', 'LD_PRELOAD=/workspace/evil.so ls /', 'ask'],
    ['shell(ls *)=allow, shell=ask', 'env LD_PRELOAD=/workspace/evil.so ls /', 'ask'],
    ['shell(ls *)=allow, shell=ask', 'PATH=/workspace/bin ls /', 'ask'],
    ['shell(ls *)=allow, shell=ask', 'A="1 2" ls /', 'ask'],
    ['shell(git fetch*)=allow', 'GIT_SSH_COMMAND=/workspace/evil git fetch origin', null],
    ['shell(CI=1 npm *)=allow', 'CI=1 npm test', 'allow'],
    ['shell(CI=1 npm *)=allow', 'CI=1 PATH=/workspace/bin npm test', null],
    ['shell(git push*)=ask', 'GIT_TRACE=1 git push origin', 'ask'],
    ['shell(git push*)=ask', `GIT_SSH_COMMAND='ssh -v' A+=1 git push origin`, 'ask'],
    ['shell(LD_PRELOAD=*)=deny', 'LD_PRELOAD=x ls', 'deny'],
    ['shell(LD_PRELOAD=*)=deny', 'env A=1 LD_PRELOAD=x ls', 'deny'],
  ])('%s: %s', (rules, command, action) => {
    expect(decide(rules, 'shell', { command })).toBe(action);
  });

  it('is found in no time for a command behind thousands of variables', () => {
    const command = `${'A=1 '.repeat(24_000)}git push`;
    expect(decide('shell(*x*y)=deny, shell(git push*)=ask', 'shell', { command })).toBe('ask');
  });

  // What a call does to a folder it does to all that is in it.
  const all = { paths: ['secrets'], recursive: true };
  it.each([
    ['delete(secrets/*)=deny', 'delete', all, 'deny'],
    ['delete(secrets/keys/*.pem)=ask', 'delete', all, 'ask'],
    ['delete(*.pem)=ask', 'delete', all, 'ask'],
    ['delete(secrets/key)=deny', 'delete', all, 'deny'],
    ['delete(secret/*)=deny', 'delete', all, null],
    ['delete(secrets/*)=deny', 'delete', { paths: ['.'], recursive: true }, 'deny'],
    ['delete(secrets/*)=deny', 'delete', { paths: ['secrets-old'], recursive: true }, null],
    // Only an empty folder goes.
    ['delete(secrets/*)=deny', 'delete', { paths: ['secrets'] }, null],
    ['move(secrets/*)=deny', 'move', { from: 'secrets', to: 'x' }, 'deny'],
    ['move(secrets/*)=deny', 'move', { from: 'x', to: 'secrets' }, 'deny'],
    ['move(secrets/*)=deny', 'move', { from: 'x', to: 'y' }, null],
    ['grep(secrets/*)=deny', 'grep', { pattern: 'x', path: 'secrets' }, 'deny'],
    ['grep(secrets/*)=deny', 'grep', { pattern: 'x' }, 'deny'],
    ['grep(secrets/*)=deny', 'grep', { pattern: 'x', path: 'src' }, null],
    ['glob(secrets/*)=deny', 'glob', { pattern: '*', path: 'secrets' }, 'deny'],
    ['list_files(secrets/*)=deny', 'list_files', { path: 'secrets' }, 'deny'],
    ['read_file(secrets/*)=deny', 'read_file', { path: 'secrets' }, null],
    ['delete(build)=allow', 'delete', { paths: ['build'], recursive: true }, null],
    ['delete(build)=allow', 'delete', { paths: ['build'] }, 'allow'],
    ['delete(build/*)=allow', 'delete', { paths: ['build'], recursive: true }, null],
    ['delete(build/*)=allow', 'delete', { paths: ['build/out'], recursive: true }, 'allow'],
    ['delete(build*)=allow', 'delete', { paths: ['build'], recursive: true }, 'allow'],
    ['delete(*.log)=allow', 'delete', { paths: ['a.log'], recursive: true }, null],
    ['delete(src*)=allow', 'delete', { paths: ['.'], recursive: true }, null],
    ['delete(*)=allow', 'delete', { paths: ['.'], recursive: true }, 'allow'],
  ])('%s: %s %j', (rules, name, input, action) => {
    expect(decide(rules, name, input)).toBe(action);
  });

  const patchOf = (...lines: readonly string[]) => ({
    patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n'),
  });
  it.each([
    ['write_file', { path: 'secrets/key', content: '' }],
    ['str_replace', { path: 'secrets/key', old_str: 'a', new_str: 'b' }],
    ['apply_patch', patchOf('*** Add File: secrets/key', '+a')],
    ['apply_patch', patchOf('*** Update File: a', '*** Move to: secrets/key', '@@', '-a', '+b')],
    ['move', { from: 'secrets/key', to: 'a' }],
    ['move', { from: 'secrets', to: 'a' }],
    ['delete', { paths: ['a', 'secrets/key'] }],
    ['delete', { paths: ['secrets'], recursive: true }],
  ])('keeps a folder as it is where it is written as in the README: %s %j', async (name, input) => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
    const [, rules = ''] = /APPROVALS='([^']+)'/.exec(readme) ?? [];
    expect(decide(rules, name, input)).toBe('deny');
  });
});
