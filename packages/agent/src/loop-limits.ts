/** When a loop that makes no progress is told so, and ended. Guesses until they are measured. */
export const loopLimits = {
  /** Steps in a row whose calls are the same and give the same. */
  sameResult: 3,
  /** Steps in a row whose calls, of one tool, fail with the same error. */
  sameError: 3,
  /** Times that two such steps follow each other. */
  alternatingPairs: 3,
  /** Looks at the same thing that goes on by itself, or pairs of such a look and another step. */
  polls: 20,
  /** Times that an answer says the same block, at its end. */
  repeatedBlocks: 4,
  /** Steps that are no repetition, after which a model that repeats itself again is told again instead of ended. */
  stepsToForgive: 10,
  /** Times in a row that an answer is continued which its output limit cut. */
  cuts: 3,
} as const;
