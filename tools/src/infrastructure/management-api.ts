/** RabbitMQ's management API, with the credentials of its URL. */
export class ManagementApi {
  private readonly base: string;
  private readonly authorization: string;

  /** @param url for example http://operator:secret@127.0.0.1:7673 */
  constructor(url: string) {
    const { origin, pathname, username, password } = new URL(url);
    this.base = `${origin}${pathname.replace(/\/$/, '')}/api`;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }

  /** @throws unless the answer is 2xx or one of `accept`. */
  async request<T>(
    method: string,
    path: string,
    body?: unknown,
    accept: number[] = [],
  ): Promise<T | undefined> {
    const response = await fetch(`${this.base}${path}`, {
      method,
      headers: { authorization: this.authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok && !accept.includes(response.status)) {
      throw new Error(`RabbitMQ's management API answered ${response.status} to ${method} ${path}: ${text}`);
    }
    return text ? (JSON.parse(text) as T) : undefined;
  }

  get<T>(path: string): Promise<T | undefined> {
    return this.request<T>('GET', path);
  }

  async put(path: string, body: unknown): Promise<void> {
    await this.request('PUT', path, body);
  }

  /** What is not there counts as deleted. */
  async delete(path: string): Promise<void> {
    await this.request('DELETE', path, undefined, [404]);
  }
}
