/** Microseconds on the machine's own monotonic clock, which all processes share. */
export function clockUs(): number {
  return Math.round(performance.now() * 1000 + offsetUs);
}

/** Read once, since a bigint at each look would cost more than what is measured. */
const offsetUs = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;
