export { applyChunk, applyChunks } from './apply-chunk.ts';
export {
  type Client,
  type ClientOptions,
  createClient,
  type StartRunOptions,
  type Upload,
} from './client.ts';
export type { FollowedEvent, FollowOptions, PassingEvent } from './follow-run.ts';
export { SwitchyardError } from './switchyard-error.ts';
