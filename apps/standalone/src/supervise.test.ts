import { expect, onTestFinished, test } from 'vitest';
import { type RunningProcess, supervise } from './supervise.ts';

interface Started extends RunningProcess {
  readonly end: (exitCode: number) => void;
}

/** Processes that end when the test says so, or fail to start as often as it says. */
function makeStarter() {
  const started: Started[] = [];
  let failuresLeft = 0;
  return {
    started,
    failNext(times: number) {
      failuresLeft = times;
    },
    start: (): Promise<Started> => {
      if (failuresLeft > 0) {
        failuresLeft -= 1;
        return Promise.reject(new Error('no room'));
      }
      const { promise: exited, resolve: end } = Promise.withResolvers<number>();
      const process = {
        pid: started.length + 1,
        exited,
        end,
        stop: () => {
          end(0);
          return Promise.resolve();
        },
      };
      started.push(process);
      return Promise.resolve(process);
    },
  };
}

async function superviseFake(starter: ReturnType<typeof makeStarter>) {
  const lines: string[] = [];
  const pids: number[] = [];
  const supervised = await supervise({
    name: 'Redis',
    start: starter.start,
    onStart: (process) => {
      pids.push(process.pid);
      return Promise.resolve();
    },
    report: (line) => lines.push(line),
    pausesMs: [0, 1],
  });
  onTestFinished(() => supervised.stop());
  return { supervised, lines, pids };
}

test('a process that dies is started again, and everybody learns its new pid', async () => {
  const starter = makeStarter();
  const { supervised, lines, pids } = await superviseFake(starter);
  starter.started[0]?.end(137);
  await expect.poll(() => supervised.current().pid).toBe(2);
  await expect.poll(() => lines).toHaveLength(2);
  expect(pids).toEqual([1, 2]);
  expect(lines[0]).toBe('Redis died (signal 9); starting it again');
  expect(lines[1]).toMatch(/^Redis runs again as process 2 /);
});

test('a start that fails is tried again until it succeeds', async () => {
  const starter = makeStarter();
  const { supervised } = await superviseFake(starter);
  starter.failNext(2);
  starter.started[0]?.end(1);
  await expect.poll(() => supervised.current().pid).toBe(2);
});

test('who keeps dying is told once, in one line with the reason', async () => {
  const starter = makeStarter();
  const { supervised, lines } = await superviseFake(starter);
  starter.failNext(20);
  starter.started[0]?.end(1);
  await expect.poll(() => supervised.current().pid, { timeout: 5000 }).toBe(2);
  for (let pid = 2; pid < 6; pid += 1) {
    starter.started[pid - 1]?.end(1);
    await expect.poll(() => supervised.current().pid).toBe(pid + 1);
  }
  expect(lines.filter((line) => line.includes('keeps dying'))).toEqual([
    'Redis keeps dying: no room. It is started again at ever longer intervals.',
  ]);
  expect(lines).toHaveLength(2);
});

test('a stop is no death: nothing is started again', async () => {
  const starter = makeStarter();
  const { supervised, lines } = await superviseFake(starter);
  await supervised.stop();
  expect(starter.started).toHaveLength(1);
  expect(lines).toEqual([]);
});

test('a stop during a start ends what comes up', async () => {
  const starter = makeStarter();
  const { supervised } = await superviseFake(starter);
  starter.failNext(1000);
  starter.started[0]?.end(1);
  await supervised.stop();
  expect(starter.started).toHaveLength(1);
});

test('the first start throws its error', async () => {
  const starter = makeStarter();
  starter.failNext(1);
  await expect(superviseFake(starter)).rejects.toThrow('no room');
});
