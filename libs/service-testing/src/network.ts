import { createTcpProxy, type TcpProxy } from '@warren/testing';

/** What a service reaches over the network that a test can break. */
export type Link = 'broker' | 'database';

/** The network between the service and its servers. The test itself does not go through it. */
export interface Network {
  /** Resets every open connection; new ones are let through. Returns how many there were. */
  cut(link: Link): number;
  /** Resets every open connection and refuses new ones: a server that is down. */
  refuse(link: Link): Promise<void>;
  /** Lets nothing through and closes nothing: a frozen server, or a cable that was pulled. */
  blackhole(link: Link): void;
  /** Holds everything back for so many milliseconds, each way. */
  delay(link: Link, milliseconds: number): void;
  /** Ends whatever fault there is on the link; on both when none is named. */
  restore(link?: Link): Promise<void>;
}

const DEFAULT_PORTS: Record<string, number> = { 'amqp:': 5672, 'amqps:': 5671 };
const POSTGRES_PORT = 5432;

async function proxyTo(url: string): Promise<TcpProxy> {
  const { hostname, port, protocol } = new URL(url);
  return createTcpProxy(hostname, Number(port) || (DEFAULT_PORTS[protocol] ?? POSTGRES_PORT));
}

/** A proxy in front of each server. */
export class ProxiedNetwork implements Network {
  readonly #proxies: Record<Link, TcpProxy>;
  readonly #urls: Record<Link, string>;
  readonly #faults = new Map<Link, string>();

  private constructor(proxies: Record<Link, TcpProxy>, urls: Record<Link, string>) {
    this.#proxies = proxies;
    this.#urls = urls;
  }

  static async between(urls: Record<Link, string>): Promise<ProxiedNetwork> {
    const [broker, database] = await Promise.all([proxyTo(urls.broker), proxyTo(urls.database)]);
    return new ProxiedNetwork({ broker, database }, urls);
  }

  /** The address that the service is given. */
  url(link: Link): string {
    return this.#proxies[link].through(this.#urls[link]);
  }

  /** Faults that last. */
  get faults(): string[] {
    return [...this.#faults].map(([link, fault]) => `${link} ${fault}`);
  }

  cut(link: Link): number {
    return this.#proxies[link].cut();
  }

  async refuse(link: Link): Promise<void> {
    this.#faults.set(link, 'refuses connections');
    await this.#proxies[link].refuse();
  }

  blackhole(link: Link): void {
    this.#faults.set(link, 'is silent');
    this.#proxies[link].blackhole();
  }

  delay(link: Link, milliseconds: number): void {
    this.#faults.set(link, `is late by ${milliseconds} ms`);
    this.#proxies[link].delay(milliseconds);
  }

  async restore(link?: Link): Promise<void> {
    for (const each of link ? [link] : (['broker', 'database'] as const)) {
      this.#faults.delete(each);
      await this.#proxies[each].restore();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#proxies.broker.close(), this.#proxies.database.close()]);
  }
}
