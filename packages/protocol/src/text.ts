/** Text from models and tools as it can be stored: NUL removed, lone surrogates replaced (U+FFFD). */
export function storableText(text: string): string {
  return (text.includes('\u0000') ? text.replaceAll('\u0000', '') : text).toWellFormed();
}

/** The same for any JSON value: every string in it, keys included. */
export function storableJson<Value>(value: Value): Value {
  if (typeof value === 'string') return storableText(value) as Value;
  if (Array.isArray(value)) return value.map(storableJson) as Value;
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [storableText(key), storableJson(member)]),
    ) as Value;
  }
  return value;
}
