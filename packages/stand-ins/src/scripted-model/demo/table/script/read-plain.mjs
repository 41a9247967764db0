// @ts-nocheck -- untyped on purpose: a part of a script that runs in the sandbox
/** Reader without quotes: a record is a line, a field is what stands between two delimiters. */
export function readRecords(text, delimiter) {
  const records = text.split(/\r\n|\n|\r/).map((raw, index) => {
    return { line: index + 1, raw, fields: raw.split(delimiter) };
  });
  const quoted = records.find(({ fields }) => fields.some((field) => field.trimStart().startsWith('"')));
  return { records, problems: quoted ? [{ kind: 'quotes', line: quoted.line, record: quoted.raw }] : [] };
}
