import { type SpanContext, TraceFlags } from '@opentelemetry/api';

/** `record`: for this process alone. `drop`: not even for that, but its ids are passed on. */
export type SamplingDecision = 'export' | 'record' | 'drop';

export type Sampler = (parent: SpanContext | undefined, traceId: string) => SamplingDecision;

/**
 * Every trace is recorded and looked at in this process, as long as the layer may take traces at all; which of them
 * are exported is decided at their head. A caller's decision holds; of the traces that begin here a part is exported,
 * by their ids, which are random.
 *
 * Whoever wants to export by what a trace turned out to be (its errors, the slow ones) learns that in `Collector`,
 * when the trace is put away.
 */
export function createSampler(exportRatio: number, takesTraces: () => boolean): Sampler {
  return (parent, traceId) => {
    if (!takesTraces()) return 'drop';
    if (parent !== undefined) return (parent.traceFlags & TraceFlags.SAMPLED) === 0 ? 'record' : 'export';
    // By the lower bits, which W3C Trace Context asks to be random.
    return Number.parseInt(traceId.slice(-8), 16) < exportRatio * 2 ** 32 ? 'export' : 'record';
  };
}

/** The part of traces to export, by the standard variables of the OpenTelemetry specification. */
export function exportRatioFrom(env: Readonly<Record<string, string | undefined>>): number {
  const { OTEL_TRACES_SAMPLER: sampler = '', OTEL_TRACES_SAMPLER_ARG: argument } = env;
  if (sampler.endsWith('always_off')) return 0;
  if (!sampler.endsWith('traceidratio')) return 1;
  const ratio = Number(argument);
  return argument !== undefined && argument !== '' && ratio >= 0 && ratio <= 1 ? ratio : 1;
}
