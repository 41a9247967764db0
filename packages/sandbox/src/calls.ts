import { AppError } from '@switchyard/protocol';
import { callKey, tokenOf } from './call-key.ts';
import { logPathOf } from './command-log.ts';
import type { JSONValue } from './json.ts';
import { createOutputCollector } from './output-collector.ts';
import type { RemoteSandbox } from './remote-sandbox.ts';
import type { CallRecord, Sandbox } from './sandbox.ts';
import { inspectScript, stopScript } from './call-scripts.ts';

/** How much of a recorded output a recovery gets, in bytes. */
const maxRecordedBytes = 1024 * 1024;

/** What the sandbox knows of calls, for who comes after their worker. */
export function createCallRecords(remote: RemoteSandbox): Pick<Sandbox, 'inspectCall' | 'sealCall'> {
  return {
    async inspectCall(callId, incarnation, { signal }): Promise<CallRecord> {
      const script = inspectScript({
        key: callKey(callId),
        token: tokenOf(incarnation),
        maxBytes: maxRecordedBytes,
      });
      const { words, lines } = await remote.runScript(script, { what: 'inspect a call', signal });
      const [state, code = '', size] = words;
      const [result, head, tail] = lines;
      switch (state) {
        case 'incarnation':
          return { state: 'unknown' };
        case 'free':
          return { state };
        case 'started':
          return { state, startedMsAgo: Number(code) * 1000 };
        case 'recorded': {
          const collector = createOutputCollector(maxRecordedBytes);
          if (head) collector.push(head);
          if (head && tail && tail.length > 0) {
            collector.skip(Number(size) - head.length - tail.length);
            collector.push(tail);
          }
          return {
            state: 'recorded',
            exitCode: /^\d+$/.test(code) ? Number(code) : null,
            isTimedOut: code === 'timed-out',
            output: collector.finish().output,
            logPath: logPathOf(callKey(callId), tokenOf(incarnation)),
            result: result && result.length > 0 ? (JSON.parse(result.toString('utf8')) as JSONValue) : null,
          };
        }
        default:
          throw new AppError('sandbox_failed', 'The sandbox gave an unknown answer.', {
            cause: new Error(state),
          });
      }
    },

    async sealCall(callId, incarnation, { signal }): Promise<boolean> {
      const script = stopScript({
        key: callKey(callId),
        token: tokenOf(incarnation),
        nonce: null,
        reason: 'killed',
      });
      const { words } = await remote.runScript(script, { what: 'seal a call', signal });
      return words[0] === 'sealed' || words[0] === 'incarnation';
    },
  };
}
