import { defineScript } from './script.ts';

/** KEYS[1] lease, ARGV[1] token, ARGV[2] ttl in ms. Prolongs the lease if it is still ours; 1 = done, 0 = lost. */
export const renewLeaseScript = defineScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** KEYS[1] lease, ARGV[1] token. Gives the lease back if it is still ours, never another's. */
export const releaseLeaseScript = defineScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
`);
