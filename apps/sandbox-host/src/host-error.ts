/** An answer other than 2xx; `code` and `message` go out as they are. */
export class HostError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 502 | 503;
  readonly code: string;

  constructor(status: HostError['status'], code: string, message: string) {
    super(message);
    this.name = 'HostError';
    this.status = status;
    this.code = code;
  }
}
