// @ts-check
/** An expected failure: its message says in one line what is wrong and what to do, and is all that is shown. */
export class Failure extends Error {
  /** @override */
  name = 'Failure';
}
