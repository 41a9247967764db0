/** Said in every conversation, so that nobody takes the demo for a model. */
export const introduction =
  "I am Switchyard's scripted demo, not a language model: I follow a fixed procedure, but every step is real.";

/** How to get a real one; said at the end of every conversation. */
export const howToUseAModel =
  'For a real model put OPENAI_API_KEY (with OPENAI_BASE_URL and MODEL for any compatible server) or ANTHROPIC_API_KEY into the environment and start Switchyard again.';
