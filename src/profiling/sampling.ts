import { SamplingDecision, TraceFlags, trace } from '@opentelemetry/api';
import { type Sampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';

/**
 * Every trace is recorded and looked at in this process, as long as the layer may take traces at all; which of them
 * are exported is decided at their head. A caller's decision holds; a trace that begins here is exported with
 * `exportRatio`, by its id, so that all processes decide alike.
 *
 * Whoever wants to export by what a trace turned out to be (its errors, the slow ones) knows that first in
 * `Collector`, when it is put away.
 */
export function createSampler(exportRatio: number, takesTraces: () => boolean): Sampler {
  const head = new TraceIdRatioBasedSampler(exportRatio);
  return {
    shouldSample(context, traceId) {
      if (!takesTraces()) return { decision: SamplingDecision.NOT_RECORD };
      const parent = trace.getSpanContext(context);
      const isExported =
        parent === undefined
          ? head.shouldSample(context, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED
          : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
      return { decision: isExported ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.RECORD };
    },
    toString: () => `RecordAll{export=${exportRatio}}`,
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
