import { type SpanContext, TraceFlags } from '@opentelemetry/api';

/** `record`: for this process alone. `drop`: not even for that, but its ids are passed on. */
export type SamplingDecision = 'export' | 'record' | 'drop';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Sampler = (parent: SpanContext | undefined, traceId: string) => SamplingDecision;

/**
 * Every trace is recorded and looked at in this process, as long as the layer may take traces at all; which of them
 * are exported in any case is decided at their head. A caller's decision holds; of the traces that begin here a part is
 * exported, by their ids, which are random. `tail-export.ts` adds those that turn out to be worth it.
 */
export function createSampler(exportRatio: number, takesTraces: () => boolean): Sampler {
  return (parent, traceId) => {
    if (!takesTraces()) return 'drop';
    if (parent !== undefined) return (parent.traceFlags & TraceFlags.SAMPLED) === 0 ? 'record' : 'export';
    if (exportRatio === 1) return 'export';
    // By the 56 bits that W3C Trace Context asks to be random, and from which OpenTelemetry's consistent sampling
    // ("Probability Sampling in TraceState") counts: another service with the same ratio chooses the same traces.
    return Number.parseInt(traceId.slice(-14), 16) >= (1 - exportRatio) * 2 ** 56 ? 'export' : 'record';
  };
}

/**
 * Whether traces that were not chosen at their head may be exported at their end: where a ratio is asked for. All of
 * them leave otherwise, or none is to (`always_off`).
 */
export function exportsByTail({ OTEL_TRACES_SAMPLER: sampler = '' }: Environment): boolean {
  return sampler.endsWith('traceidratio');
}

/** The part of traces to export, by the standard variables of the OpenTelemetry specification. */
export function exportRatioFrom(env: Environment): number {
  const { OTEL_TRACES_SAMPLER: sampler = '', OTEL_TRACES_SAMPLER_ARG: argument } = env;
  if (sampler.endsWith('always_off')) return 0;
  if (!sampler.endsWith('traceidratio')) return 1;
  const ratio = Number(argument);
  return argument !== undefined && argument !== '' && ratio >= 0 && ratio <= 1 ? ratio : 1;
}
