/**
 * Loaded before a measured server: on SIGUSR2 it collects garbage and prints what the process holds, so that what is
 * measured needs no route and no code of its own for it. Needs `--expose-gc`.
 */
let reading = 0;
process.on('SIGUSR2', () => {
  // Twice: what the first finds dead may have held native memory, which goes with the second.
  globalThis.gc?.();
  globalThis.gc?.();
  reading += 1;
  process.stdout.write(`${JSON.stringify({ msg: 'memory', reading, bytes: process.memoryUsage().rss })}\n`);
});
