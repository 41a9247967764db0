import type { Scenario } from '@switchyard/stand-ins';
import type { Random } from './random.ts';

/** A shell call of a run, in the order of its message: it appends one line to its file, whenever it runs. */
export interface Mark {
  readonly file: string;
  /** The whole output, when it is known. */
  readonly output: string;
  /** Whether a person is asked first, and what he says. */
  readonly consent: 'agrees' | 'refuses' | null;
}

/** What the model is to do in one run, and what the run may be held to. */
export interface RunPlan {
  /** Of the kind of run. */
  readonly name: string;
  readonly scenario: Scenario;
  readonly marks: readonly Mark[];
}

type Turn = Scenario['turns'][number];
type Step = Turn['steps'][number];

const words = (times: number, delayMs: number): Step => ({ repeat: 'word ', times, delayMs });
const call = (name: string, input: Readonly<Record<string, unknown>>): Step => ({
  toolCall: { name, arguments: { ...input }, pieces: 2 },
});

/** Kinds of runs: what their model says and does. `tag` is the run's own, in the names of its files. */
const kinds: Readonly<Record<string, (random: Random, tag: string) => Omit<RunPlan, 'name'>>> = {
  'plain words': (random) => ({ scenario: { turns: [wordsTurn(random, 150)] }, marks: [] }),

  'parallel tools': (random) => ({
    scenario: {
      turns: [
        {
          steps: [
            words(random.between(1, 10), 20),
            call('list_files', { path: '.' }),
            call('list_files', { path: '/workspace' }),
            call('todo', { todos: [{ text: 'Look around', status: 'done' }] }),
          ],
        },
        wordsTurn(random, 60),
      ],
    },
    marks: [],
  }),

  'effects in the sandbox': (random, tag) => {
    const marks = [1, 2, 3].map((number) => markOf(tag, number));
    const [first, second, third] = marks.map((mark) => shell(mark, random.between(0, 2)));
    return {
      scenario: {
        turns: [
          { steps: [words(3, 20), ...present(first), call('list_files', { path: '.' }), ...present(second)] },
          { steps: present(third) },
          wordsTurn(random, 40),
        ],
      },
      marks,
    };
  },

  'a person’s consent': (random, tag) => {
    const consent = random.chance(0.75) ? 'agrees' : 'refuses';
    const marks = [markOf(tag, 1), { ...markOf(tag, 2), consent } as const];
    return {
      scenario: { turns: [{ steps: marks.map((mark) => shell(mark, 0)) }, wordsTurn(random, 40)] },
      marks,
    };
  },

  'a long command': (random, tag) => {
    const count = random.between(10, 60);
    const lines = Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');
    const mark = { ...markOf(tag, 1), output: lines };
    const loop = `for i in $(seq 1 ${count}); do echo line $i; sleep 0.2; done`;
    const command = `mkdir -p marks && echo ran >> ${mark.file}; ${loop}`;
    return {
      scenario: { turns: [{ steps: [call('shell', { command })] }, wordsTurn(random, 40)] },
      marks: [mark],
    };
  },

  'a model in trouble': (random) => ({
    scenario: {
      turns: [
        {
          steps: [words(20, 20), call('list_files', { path: '.' })],
          faults: [{ kind: 'status', status: 503, times: 1 }],
        },
        { ...wordsTurn(random, 60), faults: [{ kind: 'cut', afterChunks: random.between(1, 10), times: 1 }] },
      ],
    },
    marks: [],
  }),
};

const names = Object.keys(kinds);

/** One run of a random kind. `tag` names it and nothing else does. */
export function planRun(random: Random, tag: string): RunPlan {
  const name = random.pick(names);
  const plan = kinds[name]?.(random, tag);
  if (!plan) throw new Error(`There is no kind ${name}.`);
  return { name, ...plan };
}

function wordsTurn(random: Random, most: number): Turn {
  return { steps: [words(random.between(5, most), random.between(10, 50))] };
}

function markOf(tag: string, number: number): Mark {
  return { file: `marks/${tag}-${number}`, output: `did ${number}\n`, consent: null };
}

function shell({ file, output, consent }: Mark, seconds: number): Step {
  const command = `mkdir -p marks && echo ran >> ${file}; sleep ${seconds}; echo ${output.trim()}`;
  return call('shell', { command, ...(consent === null ? {} : { consent: 'May I?' }) });
}

function present(step: Step | undefined): Step[] {
  return step === undefined ? [] : [step];
}
