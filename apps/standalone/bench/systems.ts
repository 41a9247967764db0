import { modelRequest } from './baselines/ask-model.ts';
import type { StreamRequest } from './request.ts';
import type { Stack } from './stack.ts';

/** One of the things compared: how a prompt is sent to it, and how its stream is joined. */
export interface System {
  readonly name: 'Switchyard' | 'DIY' | 'floor' | 'direct';
  /** `account` says whose run it is, where there are accounts. */
  ask(prompt: string, account?: number): StreamRequest;
  /** Of a run of account 0. Null where there is nothing to join. */
  attach(runId: string): StreamRequest | null;
}

/** The four that answer a prompt with a stream, in the order in which the table names them. */
export function systemsOf(stack: Stack): Record<'switchyard' | 'diy' | 'floor' | 'direct', System> {
  const json = { 'content-type': 'application/json' };
  const authorizationOf = (account: number) => ({
    authorization: `Bearer ${stack.apiKeys[account % stack.apiKeys.length]}`,
  });
  const plain = (name: 'DIY' | 'floor', url: string): System => ({
    name,
    ask: (prompt) => ({
      method: 'POST',
      url: `${url}/runs`,
      headers: json,
      body: JSON.stringify({ prompt }),
    }),
    attach: (runId) => ({ method: 'GET', url: `${url}/runs/${runId}/stream`, headers: {} }),
  });
  return {
    switchyard: {
      name: 'Switchyard',
      ask: (prompt, account = 0) => ({
        method: 'POST',
        url: `${stack.gatewayUrl}/v1/runs`,
        headers: { ...json, ...authorizationOf(account) },
        body: JSON.stringify({ input: prompt, stream: true }),
      }),
      attach: (runId) => ({
        method: 'GET',
        url: `${stack.gatewayUrl}/v1/runs/${runId}/stream`,
        headers: authorizationOf(0),
      }),
    },
    diy: plain('DIY', stack.diyUrl),
    floor: plain('floor', stack.floorUrl),
    direct: {
      name: 'direct',
      ask: (prompt) => ({
        method: 'POST',
        url: `${stack.modelUrl}/v1/chat/completions`,
        headers: json,
        body: modelRequest(prompt),
      }),
      attach: () => null,
    },
  };
}
