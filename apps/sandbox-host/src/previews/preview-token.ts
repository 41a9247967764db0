import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a preview's address grants: one port of one sandbox, for a time. */
export interface PreviewGrant {
  /** A UUID. */
  readonly sandboxId: string;
  readonly port: number;
  /** Unix time in whole seconds. */
  readonly expiresAt: number;
}

/** Names and verifies grants. */
export interface PreviewTokens {
  /** `<port>-<token>`: one label of a host name, so at most 63 characters of one case. */
  labelOf(grant: PreviewGrant): string;
  /** Null when the label is none of ours, was changed, or is over. */
  read(label: string): PreviewGrant | null;
}

const macBytes = 12;
const grantBytes = 16 + 4;
/** RFC 4648, without what looks alike; a host name keeps no case. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** `key` is the host's secret; links made with another one are worthless. `now` is in milliseconds. */
export function createPreviewTokens(key: string, now: () => number = Date.now): PreviewTokens {
  // Derived, so that nothing made for another purpose with the same key is ever a token.
  const secret = createHmac('sha256', key).update('preview address').digest();

  function macOf(payload: Buffer, port: number): Buffer {
    return createHmac('sha256', secret).update(payload).update(`:${port}`).digest().subarray(0, macBytes);
  }

  return {
    labelOf({ sandboxId, port, expiresAt }) {
      const payload = Buffer.alloc(grantBytes);
      payload.write(sandboxId.replaceAll('-', ''), 'hex');
      payload.writeUInt32BE(expiresAt, 16);
      return `${port}-${encode(Buffer.concat([payload, macOf(payload, port)]))}`;
    },
    read(label) {
      const [, portText = '', token = ''] = /^([1-9]\d{0,4})-([a-z2-7]+)$/.exec(label) ?? [];
      const port = Number(portText);
      const bytes = decode(token);
      if (bytes?.length !== grantBytes + macBytes || port > 65_535) return null;
      const payload = bytes.subarray(0, grantBytes);
      if (!timingSafeEqual(bytes.subarray(grantBytes), macOf(payload, port))) return null;
      const expiresAt = payload.readUInt32BE(16);
      if (expiresAt * 1000 <= now()) return null;
      const sandboxId = payload
        .toString('hex', 0, 16)
        .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
      return { sandboxId, port, expiresAt };
    },
  };
}

function encode(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

/** Null when the text is not what `encode` would make of any bytes: one grant has one name. */
function decode(text: string): Buffer | null {
  let bits = '';
  for (const letter of text) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((eight) => Number.parseInt(eight, 2)));
  return encode(bytes) === text ? bytes : null;
}
