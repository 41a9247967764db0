/** The day that a text means in a format, as YYYY-MM-DD, or null. A time of day after it is allowed and dropped. */
export function parseDate(text, format) {
  const shapes = {
    'y-m-d': /^(?<y>\d{4})-(?<m>\d{1,2})-(?<d>\d{1,2})(?=$|[T ]\d)/,
    'y/m/d': /^(?<y>\d{4})\/(?<m>\d{1,2})\/(?<d>\d{1,2})(?=$| \d)/,
    'd.m.y': /^(?<d>\d{1,2})\.(?<m>\d{1,2})\.(?<y>\d{4})(?=$| \d)/,
    'm/d/y': /^(?<m>\d{1,2})\/(?<d>\d{1,2})\/(?<y>\d{4})(?=$| \d)/,
    'd/m/y': /^(?<d>\d{1,2})\/(?<m>\d{1,2})\/(?<y>\d{4})(?=$| \d)/,
  };
  const match = shapes[format].exec(text.trim());
  if (!match) return null;
  const { y, m, d } = match.groups;
  const day = `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`;
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day) ? day : null;
}
