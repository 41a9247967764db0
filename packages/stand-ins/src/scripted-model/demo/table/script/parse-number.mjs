/** The number that a text means in a format, or null. `symbols` allows signs of money and per cent around it. */
export function parseNumber(text, { decimal, group, symbols }) {
  let plain = text.trim();
  if (symbols) plain = plain.replace(/^([+-]?)[\s$€£¥]+/, '$1').replace(/[\s$€£¥%]+$/, '');
  if (group !== '' && plain.includes(group)) {
    const [whole, ...rest] = plain.split(decimal);
    const [first, ...thousands] = whole.split(group);
    if (!/^[+-]?\d{1,3}$/.test(first) || thousands.some((digits) => !/^\d{3}$/.test(digits))) return null;
    plain = [[first, ...thousands].join(''), ...rest].join(decimal);
  }
  if (decimal !== '.') {
    if (plain.includes('.')) return null;
    plain = plain.replace(decimal, '.');
  }
  return /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(plain) ? Number(plain) : null;
}
