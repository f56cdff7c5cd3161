import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ReceivedCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** When it had come whole, by the monotonic clock, in milliseconds. */
  readonly at: number;
  /** Which of the connections to this server it came over, counted from 1. */
  readonly connection: number;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<unknown>;
}

export type Answer = (response: ServerResponse, call: ReceivedCall) => unknown;

/** A real HTTP server on a free port that answers its calls one after the other as the test's script says. */
export class ScriptedHttpServer {
  readonly calls: ReceivedCall[] = [];
  /** What is done with the next calls; the last entry also with all that follow. */
  script: Answer[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #numbers = new WeakMap<object, number>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => this.#numbers.set(socket, ++this.connections));
  }

  static async start(): Promise<ScriptedHttpServer> {
    const server = new ScriptedHttpServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts all connections and refuses new ones. */
  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = once(request.socket, 'close');
    const call: ReceivedCall = {
      method: request.method!,
      path: request.url!,
      headers: request.headers,
      body: await text(request),
      at: performance.now(),
      connection: this.#numbers.get(request.socket)!,
      closed,
    };
    const answer = this.script[Math.min(this.calls.length, this.script.length - 1)]!;
    this.calls.push(call);
    await answer(response, call);
  }
}

/** Answers with a status and JSON. */
export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response
      .writeHead(status, {
        'content-type': status < 400 ? 'application/json' : 'application/problem+json',
        ...headers,
      })
      .end(JSON.stringify(body));

export const raw =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end(body);

/** Cuts the connection without a word. */
export const reset: Answer = (response) => response.socket!.resetAndDestroy();

/** Takes the request and says nothing. */
export const hang: Answer = () => undefined;
