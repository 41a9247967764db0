function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Lets a process live on when the reader of its output goes away; any other error of the stream still ends it. */
export function ignoreBrokenPipes(stream: NodeJS.WriteStream): void {
  if (!stream.listeners('error').includes(onOutputError)) stream.on('error', onOutputError);
}
