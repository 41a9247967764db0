export { type PostgresOptions, startPostgres } from './postgres.ts';
export {
  fetchRedis,
  findRedis,
  type RedisOptions,
  redisPackages,
  type RedisProgram,
  startRedis,
} from './redis.ts';
export type { StandInProcess } from './stand-in-process.ts';
export { type DebianPackages, fetchDebianPackages, hasDebianPackages } from './debian.ts';
export { type ChromiumProgram, fetchChromium, findChromium } from './chromium.ts';
export { findFreePort, isPortFree } from './free-port.ts';
export { type GuardedCommand, type GuardedProcess, startGuardedProcess } from './guarded-process.ts';
export { bubblewrapPackages, type BubblewrapProgram, fetchBubblewrap, findBubblewrap } from './bubblewrap.ts';
export {
  readSupabaseKeys,
  startSupabase,
  type SupabaseOptions,
  type SupabaseStandIn,
} from './supabase/start-supabase.ts';
export { type SupabaseKeys } from './supabase/keys.ts';
export { type TokenRequest } from './supabase/tokens.ts';
export { type Answer, type Step } from './scripted-model/answer.ts';
export { readScenarios } from './scripted-model/read-scenarios.ts';
export { type RecordedRequest } from './scripted-model/request-log.ts';
export { type Fault, type Scenario, scenarioSchema } from './scripted-model/scenario.ts';
export {
  type ScriptedModel,
  type ScriptedModelOptions,
  startScriptedModel,
} from './scripted-model/start-scripted-model.ts';
