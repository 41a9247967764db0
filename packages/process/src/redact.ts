const secretName =
  '[\\w-]*(?:authorization|cookie|password|passwd|secret|token|ticket|jwt)|(?:[\\w-]*(?:api|secret|private|signing|service|publishable)[-_]?)?key';
const jsonString = '"(?:[^"\\\\]|\\\\.)*"';

/** A member of a JSON object whose name is a secret's and whose value is a string or a flat list. */
const secretMembers = new RegExp(
  `("(?:${secretName})":)(?:${jsonString}|\\[(?:${jsonString}|[^"\\]])*\\])`,
  'gi',
);
/** Secrets inside text: `Bearer …`, our API keys, `user:password@` and secret parameters of URLs. */
const secretsInText = [
  { pattern: /\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, replacement: '$1 [redacted]' },
  { pattern: /\bsy_[0-9A-Za-z]{16,}/g, replacement: 'sy_[redacted]' },
  { pattern: /(:\/\/[^\s:/@"]*:)[^\s/@"]+@/g, replacement: '$1[redacted]@' },
  {
    pattern: /([?&](?:ticket|token|access_token|apikey|api_key|key|signature)=)[^&\s"\\]+/gi,
    replacement: '$1[redacted]',
  },
];

/** Takes the secrets out of one line of JSON; the line stays valid JSON. */
export function redact(line: string): string {
  return secretsInText.reduce(
    (text, { pattern, replacement }) => text.replace(pattern, replacement),
    line.replace(secretMembers, '$1"[redacted]"'),
  );
}
