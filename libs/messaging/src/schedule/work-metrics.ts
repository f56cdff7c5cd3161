import { metrics, type Counter, type Histogram } from '@opentelemetry/api';
import type { JobOutcome } from './job-outcome.ts';

/** Instruments of jobs, on the OpenTelemetry API: without an SDK they cost nothing. */
export class WorkMetrics {
  readonly #runs: Counter;
  readonly #duration: Histogram;

  constructor() {
    const meter = metrics.getMeter('@warren/messaging');
    this.#runs = meter.createCounter('warren.job.runs', {
      description: 'Runs of jobs, by name and outcome',
      unit: '{run}',
    });
    this.#duration = meter.createHistogram('warren.job.duration', {
      description: 'Time that a run took',
      unit: 's',
    });
  }

  ended(name: string, outcome: JobOutcome['kind'], seconds: number): void {
    const attributes = { 'warren.job.name': name, 'warren.outcome': outcome };
    this.#runs.add(1, attributes);
    this.#duration.record(seconds, attributes);
  }
}
