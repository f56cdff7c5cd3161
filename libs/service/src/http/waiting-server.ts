import { createServer, type Server } from 'node:http';
import { PROBLEM_CONTENT_TYPE } from './problem.ts';

/**
 * Answers probes while the service waits for its database or its migrations: alive, not ready. Without it a supervisor would take the wait
 * for a hang and kill the process.
 */
export class WaitingServer {
  #server: Server | undefined;
  #reason = '';

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** Does nothing for a port that is yet to be chosen: nobody could know where to ask. */
  start(reason: string): void {
    this.#reason = reason;
    if (this.#server || this.port === 0) return;
    this.#server = createServer((request, response) => {
      response.setHeader('connection', 'close');
      if (request.url === '/health/live') {
        response
          .setHeader('content-type', 'application/json; charset=utf-8')
          .end(JSON.stringify({ status: 'ok' }));
        return;
      }
      response.writeHead(503, { 'content-type': PROBLEM_CONTENT_TYPE, 'retry-after': '1' }).end(
        JSON.stringify({
          type: '/problems/not-ready',
          title: 'Not ready',
          status: 503,
          detail: this.#reason,
        }),
      );
    });
    // A port that is taken makes the service itself fail, with a clearer word, as soon as it listens.
    this.#server.on('error', () => undefined);
    this.#server.listen(this.port, this.host);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server?.listening) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
