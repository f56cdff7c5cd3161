/** The management API did not do what it was asked; the message says what to look at. */
export class ManagementFailure extends Error {
  override readonly name = 'ManagementFailure';
  constructor(
    message: string,
    /** HTTP status; undefined when there was no answer. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const HINTS: Record<number, string> = {
  401: ' Check user and password in its URL; the user needs the tag management, monitoring or administrator.',
  403: ' The user may not see or do this in the virtual host.',
};

/** The virtual host that an AMQP URL names, `/` when it names none: https://www.rabbitmq.com/docs/uri-spec */
export function vhostOf(amqpUrl: string): string {
  const { pathname } = new URL(amqpUrl);
  return pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : '/';
}

/**
 * The part of RabbitMQ's management API that is about one virtual host. Operators' tools ask it for what AMQP cannot
 * tell, such as the names of queues; services do without it.
 *
 * Source: https://www.rabbitmq.com/docs/http-api-reference
 */
export class ManagementApi {
  readonly vhost: string;
  readonly #base: string;
  readonly #authorization: string;

  /**
   * @param url with the credentials inside, as `http://user:password@host:15672`
   * @throws TypeError for what is not such a URL
   */
  constructor(url: string, vhost: string) {
    const parsed = URL.parse(url);
    if (!parsed || !/^https?:$/.test(parsed.protocol)) {
      throw new TypeError(
        'the URL of the management API must be like http://<user>:<password>@127.0.0.1:15672',
      );
    }
    const credentials = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
    this.#authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    this.#base = `${parsed.origin}${parsed.pathname.replace(/\/$/, '')}`;
    this.vhost = vhost;
  }

  /** For example `get('queues')`, or `get('queues', 'order-service.commands', 'bindings')`; names are encoded here. */
  get<T>(kind: string, ...names: string[]): Promise<T> {
    return this.#call('GET', this.#path(kind, names)) as Promise<T>;
  }

  /** As `get`, and undefined when it is not there. */
  async find<T>(kind: string, ...names: string[]): Promise<T | undefined> {
    try {
      return await this.get<T>(kind, ...names);
    } catch (error) {
      if (error instanceof ManagementFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  async put(body: object, kind: string, ...names: string[]): Promise<void> {
    await this.#call('PUT', this.#path(kind, names), body);
  }

  post<T = void>(body: object, kind: string, ...names: string[]): Promise<T> {
    return this.#call('POST', this.#path(kind, names), body) as Promise<T>;
  }

  /** What is not there counts as deleted. */
  async delete(kind: string, ...names: string[]): Promise<void> {
    await this.#call('DELETE', this.#path(kind, names));
  }

  /** Version of the broker, for example `4.3.0`. */
  async version(): Promise<string> {
    return ((await this.#call('GET', '/api/overview')) as { rabbitmq_version: string }).rabbitmq_version;
  }

  #path(kind: string, names: readonly string[]): string {
    return `/api/${[kind, encodeURIComponent(this.vhost), ...names.map((name) => encodeURIComponent(name))].join('/')}`;
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#base}${path}`, {
        method,
        headers: { authorization: this.#authorization, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      text = await response.text();
    } catch (error) {
      const { message, cause } = error as Error;
      throw new ManagementFailure(
        `RabbitMQ's management API at ${this.#base} can't be reached: ${cause instanceof Error ? cause.message : message}`,
        undefined,
        { cause: error },
      );
    }
    if (!response.ok && !(method === 'DELETE' && response.status === 404)) {
      throw new ManagementFailure(
        `RabbitMQ's management API at ${this.#base} answered ${response.status} to ${method} ${path}.${HINTS[response.status] ?? ` ${text}`}`,
        response.status,
      );
    }
    return text ? JSON.parse(text) : undefined;
  }
}
