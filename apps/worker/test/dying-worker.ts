import type { Worker } from '../src/worker.ts';

/** A worker that dies at its n-th call of the store or of Redis: from then on nothing of it reaches either. */
export interface DyingWorker {
  readonly worker: Worker;
  /** Resolves when it has died. */
  readonly dead: Promise<void>;
  /** Calls that it made so far. */
  readonly calls: number;
}

/** Died; every later call rejects with it, so that the dead worker's code comes to an end. */
export class DeadError extends Error {}

/**
 * `at` counts from 1. `before`: the n-th call is never made; `after`: it is made and its answer is lost.
 */
export function dyingWorker(
  worker: Worker,
  { at, when }: { readonly at: number; readonly when: 'before' | 'after' },
): DyingWorker {
  const { promise: dead, resolve: die } = Promise.withResolvers<void>();
  let calls = 0;
  let isDead = false;

  async function pass<Value>(call: () => PromiseLike<Value>): Promise<Value> {
    calls += 1;
    if (isDead) throw new DeadError();
    const isLast = calls === at;
    if (isLast) isDead = true;
    if (isLast && when === 'before') {
      die();
      throw new DeadError();
    }
    const answer = await call();
    if (!isLast) return answer;
    die();
    throw new DeadError();
  }

  const sql = new Proxy(worker.sql, {
    apply(target, self, args) {
      const query: unknown = Reflect.apply(target, self, args);
      // Fragments are never awaited; a query is sent when it is.
      if (query instanceof Promise) {
        const send = query.then.bind(query);
        const then: typeof query.then = (resolve, reject) =>
          pass(() => new Promise((answer, fail) => void send(answer, fail))).then(resolve, reject);
        Reflect.set(query, 'then', then);
      }
      return query;
    },
  });

  const commands = new Set(['evalsha', 'eval', 'pexpire']);
  const redis = new Proxy(worker.redis, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (!commands.has(String(name))) return member.bind(target);
      return async (...args: unknown[]) => await pass(() => Reflect.apply(member, target, args));
    },
  });

  return {
    worker: { ...worker, sql, redis },
    dead,
    get calls() {
      return calls;
    },
  };
}
