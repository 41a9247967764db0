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
    ['A=1 B="2" env C=3 nohup rm x &', ['rm x']],
    ['if true; then rm x; fi', ['if true', 'rm x', 'fi']],
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
    ['move', { from: 'a', to: 'b' }, ['a', 'b']],
    ['read_file', { path: 'a' }, ['a']],
    ['list_files', {}, ['/workspace']],
    ['glob', { pattern: '*', path: 'src' }, ['src']],
    ['grep', { pattern: 'x' }, ['/workspace']],
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
