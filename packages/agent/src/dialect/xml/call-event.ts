/**
 * What a model's text holds, in its order. Behind `unreadable`, `misread` and `made-up` nothing more is read: what seems to
 * stand there may be the inside of something else.
 */
export type CallEvent =
  | { readonly type: 'text'; readonly text: string }
  /** `name`: null when it stands in the call's body. */
  | { readonly type: 'call'; readonly name: string | null }
  | { readonly type: 'parameter'; readonly name: string }
  /** A piece of the parameter's value. */
  | { readonly type: 'value'; readonly text: string }
  | { readonly type: 'parameter-end' }
  /** `body`: what stands in the place of parameters, when it is more than space. */
  | { readonly type: 'call-end'; readonly body: string }
  /** A call in which its name stands beside its input. `isCut`: the text ended before its end. */
  | { readonly type: 'json-call'; readonly body: string; readonly isCut: boolean }
  /** The open call, or else one that only began as a call does. */
  | { readonly type: 'unreadable'; readonly why: Unreadable; readonly name: string | null }
  /**
   * The calls before it were not what they seemed. `tail`: a value went on; `thoughts`: they stood in thoughts;
   * `misplaced`: in a call that began where none is run, and its end did not come.
   */
  | { readonly type: 'misread'; readonly why: 'tail' | 'thoughts' | 'misplaced' }
  /** The model goes on to invent the results of its calls. */
  | { readonly type: 'made-up' }
  /** A whole call where none is run, in a text that has no other. */
  | { readonly type: 'misplaced'; readonly name: string }
  /** The text ended inside a call. */
  | { readonly type: 'cut' };

/** `form`: tags that cannot be read; `cut`: their end is missing. `rest`: words beside parameters. `literal`, `cdata`: a value whose end is unclear. */
export type Unreadable = 'form' | 'cut' | 'rest' | 'literal' | 'cdata';

export function textOf(text: string): CallEvent[] {
  return text === '' ? [] : [{ type: 'text', text }];
}
