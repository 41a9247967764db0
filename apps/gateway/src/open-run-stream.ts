import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { AppError, type EventPosition, isEnded, parseEventId, type Run } from '@switchyard/protocol';
import { snapshot } from '@switchyard/store';
import type { EventStream } from './event-stream.ts';
import { followRun, type RunView } from './follow-run.ts';
import type { Gateway, GatewayContext } from './gateway.ts';
import { replayEnded } from './run-snapshot.ts';
import { streamHeaders } from './sse.ts';
import type { FollowOutcome } from './viewer.ts';

/** The cursor of a request: the header wins over the query. Throws AppError `bad_cursor`. */
export function cursorOf(lastEventId: string | undefined, after: string | undefined): EventPosition | null {
  const text = lastEventId === undefined || lastEventId === '' ? after : lastEventId;
  if (text === undefined || text === '') return null;
  const position = parseEventId(text);
  if (!position) throw new AppError('bad_cursor', 'The cursor is not an event id, as in `3-120`.');
  return position;
}

/**
 * Answers a request with the run's stream, written raw on Node's response. The status and a first comment leave at
 * once; the following itself is handed to the process. Throws AppError `unavailable` when it cannot be followed now, and
 * `rate_limited` when the account has too many streams.
 */
export function openRunStream(
  gateway: Pick<Gateway, 'sql' | 'redis' | 'feeds' | 'streams' | 'streamShares' | 'logger'>,
  c: GatewayContext,
  { run, ...view }: RunView & { readonly run: Run },
): Response {
  const isRedisUp = gateway.redis.status === 'ready';
  if (!isRedisUp && (view.continuesMessage || !isEnded(run.status))) {
    throw new AppError('unavailable', 'Runs cannot be followed at the moment.');
  }
  const { streamShares } = gateway;
  const accountId = c.var.actor?.accountId ?? c.get('ticketAccountId') ?? '';
  streamShares.enter(accountId);
  const { outgoing } = c.env;
  const stream = gateway.streams.open(outgoing, [
    ...c.res.headers.entries(),
    ...Object.entries(streamHeaders),
    ['x-run-id', run.id],
    ['x-thread-id', run.threadId],
  ]);
  const following = isRedisUp
    ? followRun(gateway, { run, stream, ...view })
    : writeStored(gateway, { run, stream });
  c.set('isStream', true);
  const names = {
    requestId: c.get('requestId'),
    method: c.req.method,
    status: 200,
    // Who comes with a ticket names no account.
    ...(c.var.actor ? { accountId: c.var.actor.accountId } : {}),
    runId: run.id,
    threadId: run.threadId,
  };
  const closing = closeAfter(gateway.logger, { following, stream, names }).finally(() => {
    // Until he has taken the rest, or is cut, he holds the connection.
    if (outgoing.closed) streamShares.leave(accountId);
    else outgoing.once('close', () => streamShares.leave(accountId));
  });
  gateway.streams.track(closing);
  return RESPONSE_ALREADY_SENT;
}

/** Ends the connection as its following ended, and writes its one line in the log. */
async function closeAfter(
  logger: Gateway['logger'],
  {
    following,
    stream,
    names,
  }: {
    readonly following: Promise<FollowOutcome>;
    readonly stream: EventStream;
    readonly names: Readonly<Record<string, string | number>>;
  },
): Promise<void> {
  const startedAt = performance.now();
  let outcome: FollowOutcome | 'failed';
  try {
    outcome = await following;
  } catch (error) {
    outcome = 'failed';
    logger.warn({ ...names, error }, 'a stream failed');
  }
  if (outcome === 'ended' || outcome === 'waiting' || outcome === 'deleted') stream.end();
  else stream.cut();
  logger.info({ ...names, outcome, durationMs: Math.round(performance.now() - startedAt) }, 'stream');
}

/** Without Redis an ended run is still served, from the store alone. */
async function writeStored(
  { sql }: Pick<Gateway, 'sql'>,
  { run, stream }: { readonly run: Run; readonly stream: EventStream },
): Promise<'ended'> {
  const { pieces } = replayEnded(await snapshot(sql, { runId: run.id }));
  for (const piece of pieces) if (!stream.write(piece)) await stream.drained();
  return 'ended';
}
