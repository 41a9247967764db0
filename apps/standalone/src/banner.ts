import type { Stack } from './stack.ts';

const exampleTask = 'Write a haiku about trains to haiku.txt, then show it.';

/** What runs, where, and one command that works as it is printed. */
export function banner(
  { devFile, descriptions }: Pick<Stack, 'devFile' | 'descriptions'>,
  seconds: number,
): string {
  const { email, password } = devFile;
  const rows = [
    ['page', `${devFile.gatewayUrl}/`],
    [
      '',
      email === null || password === null
        ? 'sign in with an account of your Supabase project'
        : `sign in as ${email} with the password ${password}`,
    ],
    ['API', `${devFile.gatewayUrl}/v1, described at ${devFile.gatewayUrl}/docs`],
    ['model', descriptions.model],
    ['sandbox', descriptions.sandbox],
    ...descriptions.services.map((service, index) => [index === 0 ? 'services' : '', service]),
    ['logs', descriptions.logs],
  ];
  return [
    '',
    `Switchyard is running (${seconds.toFixed(1)} s). Ctrl-C stops it.`,
    '',
    ...rows.map(([name = '', value = '']) => `  ${name.padEnd(10)}${value}`),
    '',
    'Or without the page:',
    '',
    `  ${curlLine(devFile)}`,
    '',
  ].join('\n');
}

/** One line for a shell; it starts a run and shows its stream. */
export function curlLine({
  gatewayUrl,
  apiKey,
}: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
}): string {
  const body = JSON.stringify({ input: exampleTask, stream: true });
  return `curl -N ${gatewayUrl}/v1/runs -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' -d '${body}'`;
}
