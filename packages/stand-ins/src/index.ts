export { type PostgresOptions, startPostgres } from './postgres.ts';
export { fetchRedis, findRedis, type RedisOptions, type RedisProgram, startRedis } from './redis.ts';
export type { StandInProcess } from './stand-in-process.ts';
export { type DebianPackages, fetchDebianPackages, hasDebianPackages } from './debian.ts';
export { findFreePort, isPortFree } from './free-port.ts';
