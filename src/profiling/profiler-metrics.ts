import type { Attributes, BatchObservableResult, Meter } from '@opentelemetry/api';
import type { RunningProfiler } from './profiler.ts';
import type { StepTime } from './store/route-statistics.ts';

type Told = Pick<RunningProfiler, 'stepTimes' | 'findingCounts' | 'store' | 'selfCost'>;

/**
 * What the profiler knows as metrics, so that many processes can be looked at together and over time. Read from its
 * aggregates when somebody scrapes: no span pays for it.
 */
export function observeProfiler(profiler: Told, meter: Meter): void {
  const pathTime = meter.createObservableCounter('meari.profiler.critical_path', {
    description: 'Time on the critical paths of requests and jobs, by the step that is answerable for it.',
    unit: 's',
  });
  const findings = meter.createObservableCounter('meari.profiler.findings', {
    description: 'Occurrences of what the rules look for, by rule and severity.',
  });
  const cost = meter.createObservableGauge('meari.profiler.cost', {
    description:
      'Processor time that the profiling layer takes for a request, until its answer and after it; the last window.',
    unit: 's',
  });
  const costLimit = meter.createObservableGauge('meari.profiler.cost_limit', {
    description:
      'Processor time that the profiling layer may take for a request before it stops to take traces.',
    unit: 's',
  });
  const traceSize = meter.createObservableGauge('meari.profiler.trace.size', {
    description: 'Memory that the trace of a request takes, the mean of the last window.',
    unit: 'By',
  });
  const paused = meter.createObservableGauge('meari.profiler.paused', {
    description: '1 while no traces are taken because they cost too much, else 0.',
  });
  const storeSize = meter.createObservableGauge('meari.profiler.store.size', {
    description: 'Memory of traces, routes and findings, by the count of the store.',
    unit: 'By',
  });
  const storeLimit = meter.createObservableGauge('meari.profiler.store.limit', {
    description: 'Memory that traces, routes and findings may take.',
    unit: 'By',
  });
  const traces = meter.createObservableGauge('meari.profiler.store.traces', {
    description: 'Finished traces that can be looked at.',
  });
  const lost = meter.createObservableCounter('meari.profiler.store.lost', {
    description:
      'Traces that made room for others (evicted), were one of many alike (thinned), or were too large (too_large), ' +
      'and spans beyond the limit of a trace (span).',
  });

  const observe = (observed: BatchObservableResult): void => {
    for (const time of profiler.stepTimes()) observed.observe(pathTime, time.totalMs / 1_000, labelsOf(time));
    for (const { count, ...labels } of profiler.findingCounts()) observed.observe(findings, count, labels);

    const { microsPerRequest, microsAfterAnswer, limitMicros, bytesPerRequest, mode } = profiler.selfCost();
    observed.observe(cost, microsPerRequest / 1e6, { phase: 'answer' });
    observed.observe(cost, microsAfterAnswer / 1e6, { phase: 'after' });
    observed.observe(costLimit, limitMicros / 1e6);
    observed.observe(traceSize, bytesPerRequest);
    observed.observe(paused, mode === 'full' ? 0 : 1);

    const store = profiler.store();
    observed.observe(storeSize, store.bytes);
    observed.observe(storeLimit, store.budgetBytes);
    observed.observe(traces, store.traces);
    observed.observe(lost, store.evictedTraces, { what: 'evicted' });
    observed.observe(lost, store.thinnedTraces, { what: 'thinned' });
    observed.observe(lost, store.droppedTraces, { what: 'too_large' });
    observed.observe(lost, store.droppedSpans, { what: 'span' });
  };
  const instruments = [
    pathTime,
    findings,
    cost,
    costLimit,
    traceSize,
    paused,
    storeSize,
    storeLimit,
    traces,
    lost,
  ];
  meter.addBatchObservableCallback(observe, instruments);
}

/** `route` is the profiler's key, for jobs as well; for a request, what its other metrics are labelled with is there too. */
function labelsOf({ route, kind, step }: StepTime): Attributes {
  const [, method, template] = (kind === 'server' && /^(\S+) (\/.*)$/.exec(route)) || [];
  if (method === undefined || template === undefined) return { route, step };
  return { route, step, 'http.request.method': method, 'http.route': template };
}
