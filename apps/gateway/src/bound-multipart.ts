import { MIMEType } from 'node:util';
import { limits } from './limits.ts';
import { invalid } from './validate.ts';

const headEnd = Buffer.from('\r\n\r\n');

/**
 * Looks at the shape of a multipart body before it is parsed, which takes seconds for some hundred thousand parts or
 * lines of a part's head and blocks everybody meanwhile. Throws AppError `invalid_request` for more than `maxParts`
 * parts, or a head above `limits.partHeadBytes`.
 */
export function boundMultipart(
  bytes: Buffer,
  { contentType, maxParts }: { readonly contentType: string; readonly maxParts: number },
): void {
  const boundary = boundaryOf(contentType);
  if (boundary === null) throw invalid([{ pointer: '', detail: 'The content type names no boundary.' }]);
  const delimiter = Buffer.from(`--${boundary}`);
  let parts = 0;
  // Ends with the body, of which each round passes a piece, or above maxParts.
  for (let at = bytes.indexOf(delimiter); at !== -1; at = bytes.indexOf(delimiter, at + delimiter.length)) {
    const head = bytes.subarray(at + delimiter.length, at + delimiter.length + limits.partHeadBytes);
    // The last delimiter has two dashes more, and nothing behind it.
    if (head.toString('latin1', 0, 2) === '--') continue;
    parts += 1;
    if (parts > maxParts) throw invalid([{ pointer: '', detail: `At most ${maxParts} fields and files.` }]);
    if (!head.includes(headEnd) && head.length === limits.partHeadBytes) {
      throw invalid([
        { pointer: '', detail: `The head of a part is larger than ${limits.partHeadBytes} bytes.` },
      ]);
    }
  }
}

/** As the parser of the body reads it. */
function boundaryOf(contentType: string): string | null {
  try {
    return new MIMEType(contentType).params.get('boundary');
  } catch {
    return null;
  }
}
