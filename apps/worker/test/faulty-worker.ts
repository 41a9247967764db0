import type { Worker } from '../src/worker.ts';

/** A worker whose n-th call of the store or of Redis goes wrong. */
export interface FaultyWorker {
  readonly worker: Worker;
  /** Resolves when the fault has happened. */
  readonly faulted: Promise<void>;
  /** Calls that it made so far. */
  readonly calls: { readonly store: number; readonly redis: number };
}

/**
 * `at` counts from 1. `before`: the n-th call is never made; `after`: it is made and its answer is lost. A worker that
 * `dies` reaches nothing from then on; one that `stumbles` lost a connection, and the next call is answered again.
 */
export interface Fault {
  readonly at: number;
  readonly when: 'before' | 'after';
  readonly how: 'dies' | 'stumbles';
}

/** Rejects every call of a dead worker, so that its code comes to an end. */
class DeadError extends Error {}

export function faultyWorker(worker: Worker, { at, when, how }: Fault): FaultyWorker {
  const { promise: faulted, resolve: fault } = Promise.withResolvers<void>();
  const calls = { store: 0, redis: 0 };
  let isDead = false;

  async function pass<Value>(kind: 'store' | 'redis', call: () => PromiseLike<Value>): Promise<Value> {
    if (isDead) throw new DeadError();
    calls[kind] += 1;
    if (calls.store + calls.redis !== at) return await call();
    isDead = how === 'dies';
    if (when === 'after') await call();
    fault();
    if (how === 'dies') throw new DeadError();
    // As ioredis and postgres.js name a connection that was lost.
    throw kind === 'redis'
      ? new Error('Connection is closed.')
      : Object.assign(new Error('write CONNECTION_CLOSED'), { code: 'CONNECTION_CLOSED' });
  }

  const sql = new Proxy(worker.sql, {
    apply(target, self, args) {
      const query: unknown = Reflect.apply(target, self, args);
      // Fragments are never awaited; a query is sent when it is.
      if (query instanceof Promise) {
        const send = query.then.bind(query);
        const then: typeof query.then = (resolve, reject) =>
          pass('store', () => new Promise((answer, fail) => void send(answer, fail))).then(resolve, reject);
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
      return async (...args: unknown[]) => await pass('redis', () => Reflect.apply(member, target, args));
    },
  });

  return { worker: { ...worker, sql, redis }, faulted, calls };
}
