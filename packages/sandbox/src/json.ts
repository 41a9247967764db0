/** What survives `JSON.stringify` and `JSON.parse` unchanged. */
export type JSONValue =
  | null
  | string
  | number
  | boolean
  | readonly JSONValue[]
  | { readonly [key: string]: JSONValue | undefined };
