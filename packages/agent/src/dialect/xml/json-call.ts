/** The object that a model wrote in the place of parameters; null when it is none. */
export function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** The name and the input, as JSON, of a call in the form of Hermes and Qwen; null when it is none. */
export function callOfJson(text: string): { readonly name: string; readonly input: string } | null {
  const { name, arguments: given, parameters } = objectOf(text) ?? {};
  const input = given ?? parameters ?? {};
  const object = typeof input === 'string' ? objectOf(input) : objectOf(JSON.stringify(input));
  if (typeof name !== 'string' || name === '' || object === null) return null;
  return { name, input: JSON.stringify(object) };
}

/** The name in a call that cannot be read, as other forms write it; null when there is none. */
export function nameIn(text: string): string | null {
  return /(?:<function=["']?|"name"\s*:\s*")([\w.-]{1,100})/.exec(text)?.[1] ?? null;
}
