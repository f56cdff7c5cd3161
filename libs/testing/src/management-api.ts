/** Talks to the HTTP API of RabbitMQ's management plugin. */
export class ManagementApi {
  readonly #base: string;
  readonly #authorization: string;

  /** @param url with the credentials of an administrator inside, as `http://user:password@host:port`. */
  constructor(url: string) {
    const parsed = new URL(url);
    const credentials = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
    this.#authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    parsed.username = parsed.password = '';
    this.#base = parsed.href.replace(/\/$/, '');
  }

  /** @throws Error with the answer's status and text unless the call succeeded or, for a DELETE, there was nothing to delete. */
  async call<T = void>(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#base}/api${path}`, {
      method,
      headers: {
        authorization: this.#authorization,
        'content-type': 'application/json',
        ...(method === 'DELETE' && { 'x-reason': 'the test asked for it' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok && !(method === 'DELETE' && response.status === 404)) {
      throw new Error(`management API: ${method} ${path} answered ${response.status} ${text}`);
    }
    return (text ? JSON.parse(text) : undefined) as T;
  }
}
