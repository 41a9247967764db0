import { describe, expect, onTestFinished, test } from 'vitest';
import { type Play, playDemo } from '../testing/play-demo.ts';
import { type Dialect, type RandomColumn, randomTable } from '../testing/random-table.ts';
import { demoPolicy, naturalChunks } from './demo-policy.ts';

async function play(options: Parameters<typeof playDemo>[0]): Promise<Play> {
  const played = await playDemo(options);
  onTestFinished(played.remove);
  return played;
}

const calm: Dialect = {
  delimiter: ',',
  lineEnd: '\n',
  byteOrderMark: false,
  encoding: 'utf-8',
  numbers: 'plain',
  dates: 'y-m-d',
  wordForMissing: '',
  quotedTextsFrom: Infinity,
  surpriseFrom: Infinity,
};

const dialects: Readonly<Record<string, { dialect: Dialect; mends: boolean }>> = {
  'semicolons, decimal commas, German dates and CRLF': {
    dialect: { ...calm, delimiter: ';', numbers: 'comma', dates: 'd.m.y', lineEnd: '\r\n' },
    mends: false,
  },
  'quoted delimiters, quotes and line ends far below the first lines, and a byte order mark': {
    dialect: { ...calm, byteOrderMark: true, quotedTextsFrom: 60 },
    mends: true,
  },
  'words for missing values far below the first lines, tabs and Latin-1': {
    dialect: { ...calm, delimiter: '\t', encoding: 'latin1', wordForMissing: 'n/a', surpriseFrom: 40 },
    mends: true,
  },
  'everything at once': {
    dialect: {
      delimiter: ';',
      lineEnd: '\r\n',
      byteOrderMark: true,
      encoding: 'utf-8',
      numbers: 'comma',
      dates: 'd.m.y',
      wordForMissing: '-',
      quotedTextsFrom: 30,
      surpriseFrom: 50,
    },
    mends: true,
  },
};

describe('an attached table', () => {
  describe.each(Object.entries(dialects))('with %s', (_name, { dialect, mends }) => {
    test.each([1, 7])('is reported with its true figures (seed %i)', async (seed) => {
      const table = randomTable(seed, dialect);
      const played = await play({ text: 'What is in this?', uploads: { 'some table.csv': table.bytes } });
      const report = played.file('report.md');
      expect(report).toContain(`${figure(table.rows)} rows in ${table.columns.length} columns`);
      for (const column of table.columns) {
        const expected = expectedRow(column);
        expect(tableRow(report, column.name)?.slice(0, expected.length)).toEqual(expected);
      }
      expect(played.summary).toContain('scripted demo');
      expect(played.summary).toContain('OPENAI_API_KEY');
      const failures = played.results.filter((result) => result.includes('PROBLEM'));
      expect(failures.length > 0).toBe(mends);
      expect(report.includes('Mended on the way')).toBe(mends);
    });
  });

  test('is planned with todos that are all done in the end', async () => {
    const table = randomTable(3, calm);
    const { actions } = await play({ text: 'Analyse', uploads: { 'a.csv': table.bytes } });
    const todos = actions.flatMap(({ calls }) =>
      calls.filter(({ name }) => name === 'todo').map(({ input }) => input),
    );
    expect(JSON.stringify(todos.at(0))).toContain('in-progress');
    expect(JSON.stringify(todos.at(-1))).not.toMatch(/open|in-progress/);
    const tools = new Set(actions.flatMap(({ calls }) => calls.map(({ name }) => name)));
    expect([...tools].toSorted()).toEqual([
      'complete',
      'list_files',
      'read_file',
      'shell',
      'todo',
      'write_file',
    ]);
  });

  test('keeps a log of its commands when the task asks for one', async () => {
    const table = randomTable(3, calm);
    const text = 'Analyse it. Note each command in commands.log before it runs.';
    const { actions, file } = await play({ text, uploads: { 'a.csv': table.bytes } });
    const commands = actions.flatMap(({ calls }) => calls.filter(({ name }) => name === 'shell'));
    const lines = file('commands.log').trimEnd().split('\n');
    expect(lines).toHaveLength(commands.length);
    expect(new Set(lines).size).toBe(lines.length);
  });

  test('is mended by an edit of the script that was written', async () => {
    const table = randomTable(5, { ...calm, wordForMissing: 'NA', surpriseFrom: 30 });
    const { actions } = await play({ text: 'Analyse', uploads: { 'a.csv': table.bytes } });
    const edits = actions.flatMap(({ calls }) => calls.filter(({ name }) => name === 'str_replace'));
    expect(edits).toHaveLength(1);
    expect(JSON.stringify(edits[0]?.input.new_str)).toContain('NA');
  });

  test('whose rows are uneven and whose numbers hold words loses only those', async () => {
    const lines = Array.from({ length: 200 }, (_, row) => `k${row % 3},${row}`);
    lines[100] = 'k1,12,extra';
    lines[120] = 'k2,about twelve';
    const { file } = await play({
      text: 'Analyse',
      uploads: { 'a.csv': Buffer.from(['kind,amount', ...lines].join('\n')) },
    });
    const report = file('report.md');
    const amounts = lines.flatMap((_, row) => (row === 100 || row === 120 ? [] : [row]));
    const sum = amounts.reduce((total, amount) => total + amount, 0);
    expect(tableRow(report, 'amount (looks like an identifier)')?.slice(1, 3)).toEqual(['198', '1']);
    expect(tableRow(report, 'amount (looks like an identifier)')?.[7]).toBe(figure(sum));
    expect(report).toContain('1 rows were left out');
  });

  test('that opens a quote and never closes it is read with quotes as characters', async () => {
    const lines = Array.from({ length: 60 }, (_, row) => (row === 40 ? '"odd,5' : `k${row % 3},5`));
    const { file } = await play({
      text: 'Analyse',
      uploads: { 'a.csv': Buffer.from(['kind,amount', ...lines].join('\n')) },
    });
    expect(tableRow(file('report.md'), 'amount')?.[7]).toBe(figure(300));
  });

  test('that is too wide for the tool that reads files is looked at by a command', async () => {
    const names = Array.from({ length: 400 }, (_, index) => `wide${index}`);
    const lines = Array.from({ length: 30 }, (_, row) => names.map((_name, index) => row * index).join(','));
    const { file, actions } = await play({
      text: 'Analyse',
      uploads: { 'a.csv': Buffer.from([names.join(','), ...lines].join('\n')) },
    });
    expect(JSON.stringify(actions)).toContain('head -n');
    const report = file('report.md');
    expect(report).toContain('30 rows in 400 columns');
    expect(tableRow(report, 'wide3 (looks like an identifier)')?.[7]).toBe(figure(435 * 3));
  });

  test('without a header gets numbered columns', async () => {
    const lines = Array.from({ length: 40 }, (_, row) => `${row % 4};${row / 2}`);
    const { file } = await play({ text: 'Analyse', uploads: { 'a.csv': Buffer.from(lines.join('\n')) } });
    expect(tableRow(file('report.md'), 'column 1')?.[1]).toBe('40');
  });

  test('beside another one is reported with it', async () => {
    const tables = [randomTable(11, calm), randomTable(12, { ...calm, delimiter: ';' })];
    const { file } = await play({
      text: 'Analyse',
      uploads: Object.fromEntries(tables.map(({ bytes }, index) => [`t${index}.csv`, bytes])),
    });
    const report = file('report.md');
    for (const { rows, columns } of tables) {
      expect(report).toContain(`${figure(rows)} rows in ${columns.length} columns`);
    }
  });

  test('is analysed although a call was cut off by a crash', async () => {
    const table = randomTable(13, calm);
    let shells = 0;
    const { file } = await play({
      text: 'Analyse',
      uploads: { 'a.csv': table.bytes },
      answer({ name }) {
        if (name !== 'shell') return null;
        shells += 1;
        return shells % 2 === 1 ? 'Interrupted; outcome unknown; inspect before repeating.' : null;
      },
    });
    expect(file('report.md')).toContain(`${figure(table.rows)} rows in`);
  });

  test('that cannot be read ends with what the tools said', async () => {
    const { summary } = await play({
      text: 'Analyse',
      uploads: { 'a.csv': Buffer.from('a,b\n1,2\n') },
      answer: ({ name }) =>
        name === 'shell' || name === 'read_file' ? 'The sandbox is unavailable here.' : null,
    });
    expect(summary).toContain('I cannot read uploads/a.csv');
    expect(summary).toContain('The sandbox is unavailable here.');
  });

  test('that is no table at all is not reported on', async () => {
    const { summary } = await play({ text: 'Analyse', uploads: { 'a.csv': Buffer.from('nothing to see') } });
    expect(summary).toMatch(/cannot read|does not look like a table/);
  });
});

describe('a task in words', () => {
  test('is planned, done by small steps and completed', async () => {
    const played = await play({ text: 'Work out 6 * (3 + 4) and write notes/hello.txt with "good day".' });
    expect(played.file('notes/hello.txt')).toBe('good day\n');
    expect(played.summary).toContain('42');
    expect(played.summary).toContain('scripted demo');
  });

  test('runs the command that it names', async () => {
    const played = await play({ text: 'Please run `echo from the shell` for me' });
    expect(played.summary).toContain('from the shell');
  });

  test('ends at once where no command can run', async () => {
    const played = await play({
      text: 'Write a.txt',
      answer: ({ name }) =>
        name === 'shell' || name === 'write_file' ? 'No sandbox: it cannot be started here.' : null,
    });
    expect(played.summary).toContain('it cannot be started here');
    expect(played.actions.length).toBeLessThan(5);
  });

  test('of greeting is answered without tools', async () => {
    const played = await play({ text: 'Hello!' });
    expect(played.summary).toBeNull();
    expect(played.actions).toHaveLength(1);
    expect(played.actions[0]?.text).toContain('scripted demo');
  });
});

test('the same conversation always gets the same action', async () => {
  const { messages, actions } = await play({ text: 'Work out 1 + 2' });
  const tools = ['shell', 'write_file', 'todo', 'complete'].map((name) => ({
    type: 'function',
    function: { name },
  }));
  const answers = messages.flatMap((message, index) => (message.role === 'assistant' ? [index] : []));
  const again = answers.map((index) => demoPolicy(messages.slice(0, index), tools));
  expect(again).toEqual(actions);
});

test('text is cut into small chunks without losing any of it', () => {
  const text = '  One two three,\n\n- four\n- five  ';
  expect(naturalChunks(text).join('')).toBe(text);
  expect(naturalChunks(text).length).toBeGreaterThan(2);
});

/** The cells of the report's row on a column. */
function tableRow(report: string, name: string): string[] | undefined {
  const line = report.split('\n').find((one) => one.startsWith(`| ${name} |`));
  return line?.slice(2, -2).split(' | ');
}

/** The truth, worked out from what the table was made of. */
function expectedRow({ name, kind, values }: RandomColumn): unknown[] {
  const missing = values.filter((value) => value === null).length;
  const filled = [name, figure(values.length - missing), figure(missing)];
  if (kind === 'date') {
    const days = values.filter((value) => value !== null).toSorted();
    return [...filled, days[0], days.at(-1), figure(new Set(days).size)];
  }
  if (kind === 'text') {
    return [...filled, figure(new Set(values.filter((value) => value !== null)).size)];
  }
  const numbers = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  const sum = numbers.reduce((total, value) => total + value, 0);
  const mean = sum / numbers.length;
  const half = numbers.length / 2;
  const median =
    numbers.length % 2 === 1
      ? (numbers[Math.floor(half)] ?? 0)
      : ((numbers[half - 1] ?? 0) + (numbers[half] ?? 0)) / 2;
  const variance = numbers.reduce((total, value) => total + (value - mean) ** 2, 0) / (numbers.length - 1);
  return [
    ...filled,
    ...[numbers[0] ?? 0, mean, median, numbers.at(-1) ?? 0, sum, Math.sqrt(variance)].map(figure),
  ];
}

function figure(value: number): string {
  return new Intl.NumberFormat('en-US', { maximumFractionDigits: 4 }).format(Number(value.toFixed(4)));
}
