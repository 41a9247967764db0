/** What the bench's model says; looked for in the raw bytes of every stream. */
export const firstToken = 'first-token';
/** A prompt to which the model says some tokens and then nothing, so that its stream stays open. */
export const heldPrompt = 'hold the line';
/** A prompt to which the model says one token, and many more once it is told to talk. */
export const talkPrompt = 'talk when you are told';
/** How many tokens it then says, and how often: 50 a second. */
export const talk = { tokens: 300, everyMs: 20 };
/** A prompt to which the model says one token. */
export const shortPrompt = 'say one word';
/**
 * How many runs are under way at a time, each of an account of its own, as when many people work at once: all verbs
 * lock the account first, so runs of one account queue behind one row. Enough to fill two cores.
 */
export const accountCount = 32;
