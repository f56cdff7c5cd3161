import { eventually } from '@warren/testing';

export interface StreamEvent {
  id: string | undefined;
  event: string | undefined;
  data: any;
}

export interface StreamOptions {
  token: string;
  lastEventId?: string;
}

/** Reads an event stream as it comes. */
export class StreamClient {
  readonly events: StreamEvent[] = [];
  /** Everything that came. */
  text = '';
  /** `open`, `ended` by the server as it should, or `broken`. */
  state: 'open' | 'ended' | 'broken' = 'open';
  readonly #abort: AbortController;
  #parsed = 0;

  private constructor(
    readonly response: Response,
    abort: AbortController,
  ) {
    this.#abort = abort;
  }

  static async open(url: string, path: string, { token, lastEventId }: StreamOptions): Promise<StreamClient> {
    const abort = new AbortController();
    const response = await fetch(new URL(path, url), {
      headers: {
        authorization: `Bearer ${token}`,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
      signal: abort.signal,
    });
    const client = new StreamClient(response, abort);
    void client.#read();
    return client;
  }

  get types(): (string | undefined)[] {
    return this.events.map(({ event }) => event);
  }

  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Waits until so many events have come, and returns them. */
  async received(count: number): Promise<StreamEvent[]> {
    await eventually(() => expect(this.events.length).toBeGreaterThanOrEqual(count));
    return this.events;
  }

  async ended(): Promise<void> {
    await eventually(() => expect(this.state).toBe('ended'));
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        this.text += chunk;
        this.#parse();
      }
      this.state = 'ended';
    } catch {
      this.state = 'broken';
    }
  }

  #parse(): void {
    for (let end; (end = this.text.indexOf('\n\n', this.#parsed)) >= 0; this.#parsed = end + 2) {
      const fields = new Map(
        this.text
          .slice(this.#parsed, end)
          .split('\n')
          .map((line) => line.split(/: (.*)/, 2) as [string, string]),
      );
      if (!fields.has('data')) continue;
      this.events.push({
        id: fields.get('id'),
        event: fields.get('event'),
        data: JSON.parse(fields.get('data')!),
      });
    }
  }
}
