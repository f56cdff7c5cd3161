import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/**
 * A TCP proxy on 127.0.0.1 whose network can be broken. It starts out whole; `restore` makes it whole again after any fault.
 */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** Connections through the proxy right now. */
  readonly connections: number;
  /** `url` with the host and port of the proxy in place of its own. */
  through(url: string): string;
  /** Resets every open connection (RST). New ones are let through. Returns how many there were. */
  cut(): number;
  /** Lets nothing through in either direction and closes nothing: open connections are half-open, new ones stay silent. */
  blackhole(): void;
  /** Resets every open connection and refuses new ones. */
  refuse(): Promise<void>;
  /** Holds everything back for so many milliseconds, each way. 0 for none. */
  delay(milliseconds: number): void;
  /** Ends whatever fault there is. What a blackhole swallowed is delivered now, as TCP would retransmit it. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

interface Fault {
  silent: boolean;
  delayMs: number;
}

/** A sink may hold this much, in bytes, before its source is paused. */
const HIGH_WATER = 1 << 20;

/** Forwards one direction of one connection. */
class OneWay {
  readonly #held: { chunk: Buffer | null; dueAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly source: Socket,
    private readonly sink: Socket,
    private readonly fault: Fault,
  ) {
    source.on('data', (chunk: Buffer) => this.#hold(chunk));
    source.on('end', () => this.#hold(null));
    sink.on('drain', () => this.flow());
  }

  #hold(chunk: Buffer | null): void {
    this.#held.push({ chunk, dueAt: performance.now() + this.fault.delayMs });
    this.flow();
  }

  /** Sends what is due and asks the source for more, or for nothing, as the fault and the sink allow. */
  flow(): void {
    clearTimeout(this.#timer);
    if (this.fault.silent) {
      this.source.pause();
      return;
    }
    const now = performance.now();
    while (this.#held[0] && this.#held[0].dueAt <= now) {
      const { chunk } = this.#held.shift()!;
      if (chunk) this.sink.write(chunk);
      else this.sink.end();
    }
    if (this.#held[0]) this.#timer = setTimeout(() => this.flow(), this.#held[0].dueAt - now);
    const waiting = this.#held.reduce((sum, { chunk }) => sum + (chunk?.length ?? 0), 0);
    if (this.sink.writableLength + waiting > HIGH_WATER) this.source.pause();
    else this.source.resume();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#held.length = 0;
  }
}

class Connection {
  readonly #ways: OneWay[];

  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    fault: Fault,
    onClose: (connection: Connection) => void,
  ) {
    this.#ways = [new OneWay(client, upstream, fault), new OneWay(upstream, client, fault)];
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      // An error is followed by 'close', which is what the other end gets to feel.
      socket.on('error', () => undefined);
      socket.on('close', (hadError) => {
        if (hadError) this.reset();
        if (client.destroyed && upstream.destroyed) onClose(this);
      });
    }
    this.flow();
  }

  flow(): void {
    for (const way of this.#ways) way.flow();
  }

  reset(): void {
    for (const way of this.#ways) way.stop();
    this.client.resetAndDestroy();
    // A socket that is still connecting has nobody to send a RST to.
    if (this.upstream.connecting) this.upstream.destroy();
    else this.upstream.resetAndDestroy();
  }
}

/** Starts a proxy in front of `targetHost:targetPort`, on a free port that it keeps through every fault. */
export async function createTcpProxy(targetHost: string, targetPort: number): Promise<TcpProxy> {
  const fault: Fault = { silent: false, delayMs: 0 };
  const connections = new Set<Connection>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: targetHost, port: targetPort, allowHalfOpen: true });
    connections.add(new Connection(client, upstream, fault, (closed) => connections.delete(closed)));
  });

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  function cut(): number {
    const open = [...connections];
    for (const connection of open) connection.reset();
    return open.length;
  }
  async function stopListening(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    await closed;
  }

  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    host: '127.0.0.1',
    port,
    get connections() {
      return connections.size;
    },
    through(url) {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    cut,
    blackhole() {
      fault.silent = true;
      for (const connection of connections) connection.flow();
    },
    refuse: stopListening,
    delay(milliseconds) {
      fault.delayMs = milliseconds;
    },
    async restore() {
      fault.silent = false;
      fault.delayMs = 0;
      for (const connection of connections) connection.flow();
      if (!server.listening) await listen(port);
    },
    close: stopListening,
  };
}
