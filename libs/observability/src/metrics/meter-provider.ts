import { metrics } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { observeProcess } from './process-metrics.ts';

/**
 * Time series that one instrument may have; what goes beyond is summed up under `otel_metric_overflow="true"`. An
 * attribute that takes ids by mistake thus costs neither our memory nor the metrics store.
 */
export const MAX_SERIES_PER_INSTRUMENT = 200;

/** All metrics of the process, in the form that Prometheus reads. */
export class ProcessMetrics {
  readonly #reader = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true);

  /** @throws Error when another part of the process has registered a meter provider of its own. */
  constructor(service: string) {
    const provider = new MeterProvider({
      resource: resourceFromAttributes({ 'service.name': service, 'process.pid': process.pid }),
      readers: [this.#reader],
      views: [{ instrumentName: '*', aggregationCardinalityLimit: MAX_SERIES_PER_INSTRUMENT }],
    });
    if (!metrics.setGlobalMeterProvider(provider)) {
      throw new Error(
        'a meter provider is registered already: start metrics once, before anything that measures',
      );
    }
    observeProcess(metrics.getMeter('warren.process'));
  }

  /** The current values in Prometheus' text format 0.0.4. */
  async text(): Promise<string> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw new AggregateError(errors, 'some metrics could not be read');
    return this.#serializer.serialize(resourceMetrics);
  }
}

let started: ProcessMetrics | undefined;

/**
 * Registers the meter provider of the process; a second call returns what the first one made. Meters have to be taken
 * from `@opentelemetry/api` after this call: those taken before it measure nothing.
 */
export function startMetrics(service: string): ProcessMetrics {
  started ??= new ProcessMetrics(service);
  return started;
}
