/** When a loop that makes no progress is told so, and ended. Guesses until they are measured. */
export const loopLimits = {
  /** Calls in a row that are the same and give the same. */
  sameResult: 3,
  /** Calls of one tool in a row that fail with the same error. */
  sameError: 3,
  /** Times that two calls follow each other with the same results. */
  alternatingPairs: 3,
  /** Looks at the same thing that goes on by itself, or pairs of such a look and another call. */
  polls: 20,
  /** Times that an answer says the same block, at its end. */
  repeatedBlocks: 4,
  /** Calls that are no repetition, after which a model that repeats itself again is told again instead of ended. */
  callsToForgive: 10,
  /** Times in a row that an answer is continued which its output limit cut. */
  cuts: 3,
} as const;
