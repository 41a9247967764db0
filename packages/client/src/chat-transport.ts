import type { ChatRequest, StopResponse, SwitchyardMessage } from '@switchyard/protocol';
import type { ChatTransport, UIMessage } from 'ai';
import { openChatStream } from './chat-stream.ts';
import type { ClientOptions } from './client.ts';
import { apiPath, createSendRequest, requestJson, type SendRequest } from './request.ts';
import { unreachable } from './switchyard-error.ts';

/** What a chat may ask for beside its messages. */
export type ChatBody = Partial<
  Pick<ChatRequest, 'model' | 'projectId' | 'limits' | 'instructions' | 'onBusy'>
> &
  Readonly<Record<string, unknown>>;

export interface ChatTransportOptions extends ClientOptions {
  /** Goes with every message that is sent; a function is asked each time. A message's own `body` option wins. */
  readonly body?: ChatBody | (() => ChatBody | Promise<ChatBody>);
  /** Further headers of every request; `Authorization` is the token's. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Whether useChat's `stop()` also stops the run. Default false: `stop()` only leaves, since useChat calls it too when
   * its component goes away, and then the run is to go on; a stop button calls `stop` of this transport. Set it only where
   * the `Chat` lives outside of components (`useChat({ chat })`), for then nobody but a person calls `stop()`.
   */
  readonly abortStopsRun?: boolean;
  /** How long to go on rejoining without a single event from a server. Default 5 minutes. */
  readonly giveUpAfterMs?: number;
}

/**
 * useChat's transport to `/v1/chat`. A stream whose connection breaks is rejoined by cursor, over as many connections
 * as it takes and with a token that is asked for before each, so the chat sees one unbroken stream, and its message ends as
 * the store's. Its methods reject with SwitchyardError, or with the reason of the signal that they were given.
 */
export class SwitchyardChatTransport<
  Message extends UIMessage = SwitchyardMessage,
> implements ChatTransport<Message> {
  /** A resumed stream begins with the answer's beginning. */
  readonly resumeStreamIsReplay = true;
  readonly #options: ChatTransportOptions;
  readonly #send: SendRequest;

  constructor(options: ChatTransportOptions) {
    this.#options = options;
    this.#send = createSendRequest(options);
  }

  /**
   * Sends the message that is last, or the answer to an approval, and gives the run's stream to its end or to where it
   * waits for a person. History stays where it is: the server has its own. A message whose request broke is sent again,
   * which starts nothing twice.
   */
  readonly sendMessages: ChatTransport<Message>['sendMessages'] = async (asked) => {
    const { chatId, trigger, messageId, abortSignal } = asked;
    const message = messageToSend(asked);
    const { body = {} } = this.#options;
    const own = typeof body === 'function' ? await body() : body;
    const request = {
      ...own,
      ...asked.body,
      id: chatId,
      messages: message ? [message] : [],
      trigger,
      messageId,
    };
    const stream = await openChatStream(this.#send, {
      ...this.#following(),
      path: '/v1/chat',
      method: 'POST',
      headers: this.#headers(asked.headers, { 'content-type': 'application/json' }),
      body: JSON.stringify(request),
      // Another answer to no particular one would be begun twice.
      isRepeatable: trigger === 'submit-message' || messageId !== undefined,
      shownSteps: message?.role === 'assistant' ? stepsOf(message) : 0,
      abortSignal,
    });
    if (!stream) throw unreachable(new Error('The answer is no stream.'));
    return stream;
  };

  /** The answer that is being given in the thread, from its beginning; null when none is, or has been until just now. */
  readonly reconnectToStream: ChatTransport<Message>['reconnectToStream'] = async (asked) =>
    await openChatStream(this.#send, {
      ...this.#following(),
      path: apiPath`/v1/chat/${asked.chatId}/stream`,
      headers: this.#headers(asked.headers),
      isRepeatable: true,
      shownSteps: 0,
      abortSignal: asked.abortSignal,
    });

  /**
   * Stops the answer that is being given in the thread; what was said stays, and the chat's stream ends with it. Repeating it
   * is harmless.
   */
  readonly stop = async (chatId: string): Promise<StopResponse> =>
    await requestJson(this.#send, apiPath`/v1/chat/${chatId}/stop`, { method: 'POST' });

  #headers(
    asked: Headers | Record<string, string> | undefined,
    more: Readonly<Record<string, string>> = {},
  ): Headers {
    const headers = new Headers(this.#options.headers);
    for (const [name, value] of new Headers(asked)) headers.set(name, value);
    for (const [name, value] of Object.entries(more)) headers.set(name, value);
    return headers;
  }

  #following() {
    const { abortStopsRun = false, giveUpAfterMs } = this.#options;
    return { abortStopsRun, giveUpAfterMs };
  }
}

/**
 * Of the messages the server reads one: the last, or the assistant's that an answer to an approval names. It is also the
 * one that the chat's reader goes on with.
 */
function messageToSend<Message extends UIMessage>(asked: {
  readonly messages: readonly Message[];
  readonly messageId: string | undefined;
  readonly trigger: 'submit-message' | 'regenerate-message';
}): Message | undefined {
  const { messages, messageId, trigger } = asked;
  const named = trigger === 'submit-message' ? messages.find(({ id }) => id === messageId) : undefined;
  return named?.role === 'assistant' ? named : messages.at(-1);
}

function stepsOf({ parts }: UIMessage): number {
  return parts.filter(({ type }) => type === 'step-start').length;
}
