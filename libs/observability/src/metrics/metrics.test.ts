import { metrics } from '@opentelemetry/api';
import { createHttpMetrics } from './http-metrics.ts';
import { MAX_SERIES_PER_INSTRUMENT, startMetrics } from './meter-provider.ts';

describe('the metrics of a process', () => {
  const processMetrics = startMetrics('order-service');

  it('are registered once, however often they are asked for', () => {
    expect(startMetrics('order-service')).toBe(processMetrics);
  });

  it('show processor, memory, event loop and the name of the service', async () => {
    const text = await processMetrics.text();
    expect(text).toMatch(/^target_info\{.*service_name="order-service".*\} 1$/m);
    expect(text).toMatch(/^process_cpu_time(_seconds)?_total\{cpu_mode="user"\} [\d.]+$/m);
    expect(text).toMatch(/^process_memory_usage(_bytes)? \d+$/m);
    expect(text).toMatch(/^nodejs_eventloop_utilization\S* [\d.e-]+$/m);
  });

  it('show what any library measures through the OpenTelemetry interface', async () => {
    metrics.getMeter('a-library').createCounter('messages.handled').add(3, { queue: 'q' });
    expect(await processMetrics.text()).toMatch(/^messages_handled_total\{queue="q"\} 3$/m);
  });

  it('time requests by route and not by path', async () => {
    const record = createHttpMetrics();
    record({ method: 'GET', route: '/v1/orders/:id', status: 200, seconds: 0.02 });
    record({ method: 'BREW', route: undefined, status: 404, seconds: 0.001 });
    const text = await processMetrics.text();
    expect(text).toMatch(
      /^http_server_request_duration\S*_count\{http_request_method="GET",http_route="\/v1\/orders\/:id",http_response_status_code="200"\} 1$/m,
    );
    expect(text).toMatch(
      /_count\{http_request_method="_OTHER",http_route="none",http_response_status_code="404"\} 1$/m,
    );
  });

  it('sum up what goes beyond the allowed number of series', async () => {
    const counter = metrics.getMeter('a-library').createCounter('careless');
    for (let id = 0; id < MAX_SERIES_PER_INSTRUMENT * 3; id += 1) counter.add(1, { id: String(id) });
    const series = (await processMetrics.text())
      .split('\n')
      .filter((line) => line.startsWith('careless_total{'));
    expect(series.length).toBeLessThanOrEqual(MAX_SERIES_PER_INSTRUMENT);
    expect(series.some((line) => line.includes('otel_metric_overflow="true"'))).toBe(true);
  });
});
