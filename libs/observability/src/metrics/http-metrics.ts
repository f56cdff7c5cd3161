import { metrics } from '@opentelemetry/api';

export interface FinishedRequest {
  method: string;
  /** The route's pattern, as `/v1/orders/:id`; undefined when no route fits. Never the path itself: it has ids in it. */
  route: string | undefined;
  status: number;
  seconds: number;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Counts and times HTTP requests by method, route and status.
 *
 * Names: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
export function createHttpMetrics(): (request: FinishedRequest) => void {
  const durations = metrics.getMeter('warren.http').createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'From the request line to the end of the answer.',
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
  });
  return ({ method, route, status, seconds }) =>
    durations.record(seconds, {
      'http.request.method': METHODS.has(method) ? method : '_OTHER',
      'http.route': route ?? 'none',
      'http.response.status_code': status,
    });
}
