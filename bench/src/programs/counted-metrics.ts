import { metrics, type Attributes, type Meter, type MeterProvider } from '@opentelemetry/api';

interface Waiting {
  count: number;
  resolve(): void;
}

/** Counts what the library's own metric counts, and says when it has reached a number. */
export class CountedMetric {
  readonly #counts: (attributes: Attributes) => boolean;
  #waiting: Waiting | undefined;
  #start = { at: 0, cpu: process.cpuUsage() };
  #end = { at: 0, cpu: 0 };
  #uncounted = 0;
  count = 0;

  constructor(counts: (attributes: Attributes) => boolean = () => true) {
    this.#counts = counts;
  }

  /** From now on; the clock starts with what comes first, or with {@link startClock}. */
  reset(): void {
    this.count = 0;
    this.#uncounted = 0;
    this.#start.at = 0;
  }

  startClock(): void {
    this.#start = { at: performance.now(), cpu: process.cpuUsage() };
    this.#uncounted = 0;
  }

  /** Resolves when `count` has been reached. */
  reached(count: number): Promise<void> {
    if (this.count >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { count, resolve };
    });
  }

  /** Seconds and CPU seconds from the start of the clock, and how much was counted in them. */
  get measured(): { seconds: number; cpuSeconds: number; count: number } {
    return {
      seconds: (this.#end.at - this.#start.at) / 1_000,
      cpuSeconds: this.#end.cpu,
      count: this.count - this.#uncounted,
    };
  }

  add(value: number, attributes: Attributes = {}): void {
    if (!this.#counts(attributes)) return;
    this.count += value;
    if (this.#start.at === 0) {
      this.startClock();
      this.#uncounted = this.count;
    }
    if (!this.#waiting || this.count < this.#waiting.count) return;
    const { user, system } = process.cpuUsage(this.#start.cpu);
    this.#end = { at: performance.now(), cpu: (user + system) / 1e6 };
    this.#waiting.resolve();
    this.#waiting = undefined;
  }
}

/** Takes the place of an OpenTelemetry SDK, which would hand figures out too late to stop a clock by. */
export function countMetrics(counted: Readonly<Record<string, CountedMetric>>): void {
  const nothing = { add: () => undefined, record: () => undefined, addCallback: () => undefined };
  const instrument = (name: string) => counted[name] ?? nothing;
  const meter = new Proxy({}, { get: () => instrument }) as Meter;
  const provider: MeterProvider = { getMeter: () => meter };
  metrics.setGlobalMeterProvider(provider);
}
