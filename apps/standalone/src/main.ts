import { ConfigurationError } from '@switchyard/process';
import { commandDemo } from './command-demo.ts';
import { commandStart } from './command-start.ts';
import { LaunchError } from './launch-error.ts';

async function main([command, ...parameters]: readonly string[]): Promise<number> {
  switch (command) {
    case 'start':
      return commandStart(parameters);
    case 'demo':
      return commandDemo(parameters);
    default:
      throw new LaunchError(
        `There is no command "${command ?? ''}" here: use "npm start" or "npm run demo".`,
      );
  }
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isExpected = error instanceof LaunchError || error instanceof ConfigurationError;
  process.stderr.write(
    `\n${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}
