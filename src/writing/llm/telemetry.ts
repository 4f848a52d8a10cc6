import {
  metrics,
  type ObservableResult,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { ATTR_ERROR_TYPE, ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT } from '@opentelemetry/semantic-conventions';
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_OUTPUT_TYPE,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_REQUEST_STREAM,
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
  ATTR_GEN_AI_TOKEN_TYPE,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  METRIC_GEN_AI_CLIENT_OPERATION_DURATION,
  METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
  METRIC_GEN_AI_CLIENT_TOKEN_USAGE,
} from '@opentelemetry/semantic-conventions/incubating';
import { WAIT } from '../../profiling/attributes.ts';
import { errorType } from '../../profiling/step.ts';
import type { ChatAnswer } from './chat.ts';
import { KEY_STATES, type KeyState } from './key-ring.ts';
import type { Models } from './providers.ts';

/** US dollars for a million tokens. */
export interface Price {
  readonly input: number;
  readonly output: number;
}

export interface CallInfo {
  /** Of what is written: persona, empathy, reflection, or session for all three. */
  readonly part: string;
  readonly promptVersion: string;
  /** 1 for the first call of the part. */
  readonly attempt: number;
  /** Which key, never the key. */
  readonly key: number;
}

export type LlmTelemetry = ReturnType<typeof createLlmTelemetry>;

/** Boundaries that the GenAI conventions advise. */
const DURATION_SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];

/**
 * Spans and metrics of the model's calls, by the OpenTelemetry GenAI conventions. None of them takes a text: what
 * goes in is counted and timed, and errors are told by their code.
 */
export function createLlmTelemetry(
  { provider, name: model, server }: Pick<Models, 'provider' | 'name' | 'server'>,
  price: Price | undefined,
) {
  const tracer = trace.getTracer('meari');
  const meter = metrics.getMeter('meari');
  const seconds = (name: string, description: string) =>
    meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: DURATION_SECONDS },
    });
  const durations = seconds(METRIC_GEN_AI_CLIENT_OPERATION_DURATION, 'Duration of a call to the model.');
  const firstChunks = seconds(
    METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
    'Time from a call to the first words of its answer.',
  );
  const waits = seconds('meari.llm.wait.duration', 'Time that a call waited for the limits of the provider.');
  const tokens = meter.createHistogram(METRIC_GEN_AI_CLIENT_TOKEN_USAGE, {
    description: 'Tokens of a call to the model.',
    unit: '{token}',
    advice: { explicitBucketBoundaries: TOKENS },
  });
  const costs = meter.createCounter('meari.llm.cost', {
    description: 'What the calls cost by the configured prices.',
    unit: 'USD',
  });
  const retries = meter.createCounter('meari.llm.retries', {
    description: 'Calls that were made again, by why.',
  });
  const degraded = meter.createCounter('meari.llm.degraded', {
    description: 'Parts that the fallback writer wrote, by why.',
  });

  const server_ = {
    [ATTR_SERVER_ADDRESS]: server.hostname,
    [ATTR_SERVER_PORT]: Number(server.port) || (server.protocol === 'https:' ? 443 : 80),
  };
  const common = {
    [ATTR_GEN_AI_OPERATION_NAME]: 'chat',
    [ATTR_GEN_AI_PROVIDER_NAME]: provider,
    [ATTR_GEN_AI_REQUEST_MODEL]: model,
    ...server_,
  };

  return {
    /** The wait for a place, which is not the model's time. */
    waiting<T>(part: string, wait: () => Promise<T>): Promise<T> {
      const attributes = { 'meari.part': part, [WAIT]: 'limiter' };
      return tracer.startActiveSpan('llm.wait', { attributes }, (span) =>
        ended(span, performance.now(), wait, (duration, error) => {
          waits.record(duration, { outcome: error === undefined ? 'ok' : 'error' });
        }),
      );
    },

    /** One call. `call` is given a function to say that the first words have come. */
    chat(info: CallInfo, call: (onFirstChunk: () => void) => Promise<ChatAnswer>): Promise<ChatAnswer> {
      const attributes = {
        ...common,
        [ATTR_GEN_AI_OUTPUT_TYPE]: 'json',
        [ATTR_GEN_AI_REQUEST_STREAM]: true,
        'meari.part': info.part,
        'meari.prompt.version': info.promptVersion,
        'meari.llm.attempt': info.attempt,
        'meari.llm.key': info.key,
      };
      return tracer.startActiveSpan(`chat ${model}`, { kind: SpanKind.CLIENT, attributes }, (span) => {
        const startedAt = performance.now();
        const onFirstChunk = () => {
          const time = (performance.now() - startedAt) / 1000;
          span.setAttribute(ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, time);
          firstChunks.record(time, common);
        };
        const counted = async () => {
          const answer = await call(onFirstChunk);
          count(span, answer, info.part);
          return answer;
        };
        return ended(span, startedAt, counted, (duration, error) => {
          const outcome = error === undefined ? {} : { [ATTR_ERROR_TYPE]: errorType(error) };
          durations.record(duration, { ...common, ...outcome });
        });
      });
    },

    retried(part: string, why: string): void {
      retries.add(1, { part, why });
    },

    degraded(part: string, why: string): void {
      degraded.add(1, { part, why });
    },

    /** @returns what ends the observation. */
    observeKeys(states: () => readonly KeyState[]): () => void {
      const keys = meter.createObservableGauge('meari.llm.keys', {
        description:
          'Keys of the provider, by whether they can be used: a key that is open has failed too often.',
        unit: '{key}',
      });
      const observe = (result: ObservableResult) => {
        const current = states();
        for (const state of KEY_STATES) {
          result.observe(current.filter((other) => other === state).length, { provider, state });
        }
      };
      keys.addCallback(observe);
      return () => keys.removeCallback(observe);
    },
  };

  function count(span: Span, { finishReason, inputTokens, outputTokens }: ChatAnswer, part: string): void {
    span.setAttribute(ATTR_GEN_AI_RESPONSE_FINISH_REASONS, [finishReason]);
    if (inputTokens === undefined || outputTokens === undefined) return;
    span.setAttributes({
      [ATTR_GEN_AI_USAGE_INPUT_TOKENS]: inputTokens,
      [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: outputTokens,
    });
    tokens.record(inputTokens, { ...common, [ATTR_GEN_AI_TOKEN_TYPE]: 'input' });
    tokens.record(outputTokens, { ...common, [ATTR_GEN_AI_TOKEN_TYPE]: 'output' });
    if (!price) return;
    const cost = (inputTokens * price.input + outputTokens * price.output) / 1_000_000;
    span.setAttribute('meari.llm.cost', cost);
    costs.add(cost, { [ATTR_GEN_AI_REQUEST_MODEL]: model, part });
  }
}

/** Ends the span with what came of the work, and tells the seconds that it took. */
async function ended<T>(
  span: Span,
  startedAt: number,
  work: () => Promise<T>,
  onEnd: (seconds: number, error: unknown) => void,
): Promise<T> {
  let failure: unknown;
  try {
    return await work();
  } catch (error) {
    failure = error;
    span.setAttribute(ATTR_ERROR_TYPE, errorType(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    onEnd((performance.now() - startedAt) / 1000, failure);
    span.end();
  }
}
