/** Reader with quotes (RFC 4180): a quoted field may hold delimiters and line ends; "" in it is one quote. */
export function readRecords(text, delimiter) {
  const records = [];
  let fields = [];
  let field = '';
  let isQuoted = false;
  let line = 1;
  let start = { line: 1, index: 0 };
  const endField = () => {
    fields.push(field);
    field = '';
  };
  const endRecord = (index) => {
    endField();
    records.push({ line: start.line, raw: text.slice(start.index, index), fields });
    fields = [];
  };
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isQuoted) {
      if (character === '"' && text[index + 1] === '"') {
        field += '"';
        index += 1;
      } else if (character === '"') isQuoted = false;
      else field += character;
      if (character === '\n') line += 1;
    } else if (character === '"' && field.trim() === '') {
      isQuoted = true;
      field = '';
    } else if (character === delimiter) endField();
    else if (character === '\n' || character === '\r') {
      endRecord(index);
      if (character === '\r' && text[index + 1] === '\n') index += 1;
      line += 1;
      start = { line, index: index + 1 };
    } else field += character;
  }
  if (isQuoted)
    return { records, problems: [{ kind: 'open-quote', line: start.line, record: text.slice(start.index) }] };
  endRecord(text.length);
  return { records, problems: [] };
}
