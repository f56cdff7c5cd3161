import { constants, monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Meter } from '@opentelemetry/api';

const GC_KINDS: Record<number, string> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

const NANOSECONDS = 1e9;

/**
 * Measures processor, memory, event loop and garbage collection of this process.
 *
 * Names: https://opentelemetry.io/docs/specs/semconv/system/process-metrics/ and /runtime/nodejs-metrics/
 */
export function observeProcess(meter: Meter): void {
  meter
    .createObservableCounter('process.cpu.time', { unit: 's', description: 'Processor time used.' })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe(user / 1e6, { 'cpu.mode': 'user' });
      result.observe(system / 1e6, { 'cpu.mode': 'system' });
    });
  meter
    .createObservableGauge('process.uptime', { unit: 's', description: 'Time since the process started.' })
    .addCallback((result) => result.observe(process.uptime()));
  meter
    .createObservableGauge('process.memory.usage', { unit: 'By', description: 'Physical memory in use.' })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));

  const heapUsed = meter.createObservableGauge('v8js.memory.heap.used', {
    unit: 'By',
    description: 'JavaScript heap in use.',
  });
  const heapLimit = meter.createObservableGauge('v8js.memory.heap.limit', {
    unit: 'By',
    description: 'JavaScript heap at which the process dies.',
  });
  meter.addBatchObservableCallback(
    (result) => {
      const heap = getHeapStatistics();
      result.observe(heapUsed, heap.used_heap_size);
      result.observe(heapLimit, heap.heap_size_limit);
    },
    [heapUsed, heapLimit],
  );

  // Delays since the last time they were read, so that a scrape shows its own interval.
  const delays = monitorEventLoopDelay({ resolution: 20 });
  delays.enable();
  const delay = meter.createObservableGauge('nodejs.eventloop.delay', {
    unit: 's',
    description: 'How late timers fired since the last reading.',
  });
  delay.addCallback((result) => {
    if (delays.count > 0) {
      result.observe(delays.percentile(50) / NANOSECONDS, { quantile: '0.5' });
      result.observe(delays.percentile(99) / NANOSECONDS, { quantile: '0.99' });
      result.observe(delays.max / NANOSECONDS, { quantile: '1' });
    }
    delays.reset();
  });
  let before = performance.eventLoopUtilization();
  meter
    .createObservableGauge('nodejs.eventloop.utilization', {
      unit: '1',
      description: 'Share of time that the event loop was busy since the last reading.',
    })
    .addCallback((result) => {
      const now = performance.eventLoopUtilization();
      result.observe(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    });

  const collections = meter.createHistogram('v8js.gc.duration', {
    unit: 's',
    description: 'Pauses for garbage collection.',
    advice: { explicitBucketBoundaries: [0.001, 0.01, 0.1, 1] },
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
      collections.record(entry.duration / 1000, { 'v8js.gc.type': GC_KINDS[kind] ?? 'other' });
    }
  }).observe({ entryTypes: ['gc'] });
}
