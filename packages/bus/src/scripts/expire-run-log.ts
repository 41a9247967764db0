import { defineScript } from './script.ts';

/** KEYS[1] log, KEYS[2] meta, ARGV[1] ms. Both vanish together: a log without its meta would pass for gone. */
export const expireRunLogScript = defineScript(`
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('PEXPIRE', KEYS[2], ARGV[1])
`);
