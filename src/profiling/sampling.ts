import { type Context, SamplingDecision, TraceFlags, trace } from '@opentelemetry/api';
import { type Sampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';

const NOT_RECORDED = { decision: SamplingDecision.NOT_RECORD };
const RECORDED = { decision: SamplingDecision.RECORD };
const EXPORTED = { decision: SamplingDecision.RECORD_AND_SAMPLED };

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
  const beginsExported = (context: Context, traceId: string): boolean =>
    exportRatio >= 1 || head.shouldSample(context, traceId).decision === EXPORTED.decision;
  return {
    shouldSample(context, traceId) {
      if (!takesTraces()) return NOT_RECORDED;
      const parent = trace.getSpanContext(context);
      const isExported =
        parent === undefined
          ? beginsExported(context, traceId)
          : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
      return isExported ? EXPORTED : RECORDED;
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
