import type { Redis } from 'ioredis';
import type { SourceProvider, Writer } from '../domain/ports.ts';
import { describeError, type Logger } from '../log.ts';
import { errorType } from '../profiling/step.ts';
import { createFallbackWriter } from './fallback-writer.ts';
import { createAsk } from './llm/ask.ts';
import { createCallJoiner } from './llm/join-calls.ts';
import { createKeyRing } from './llm/key-ring.ts';
import type { Limits } from './llm/limiter/limiter.ts';
import { createLocalLimiter } from './llm/limiter/local-limiter.ts';
import { createSharedLimiter } from './llm/limiter/shared-limiter.ts';
import { createLlmWriter, createSingleCallWriter } from './llm/llm-writer.ts';
import { PROMPT_VERSION } from './llm/prompts/version.ts';
import { createModels, type ProviderOptions } from './llm/providers.ts';
import { createLlmTelemetry, type Price } from './llm/telemetry.ts';
import { createLocalWriter } from './local/local-writer.ts';

export type WriterSettings = { readonly kind: 'local' } | LlmSettings;

export interface LlmSettings extends ProviderOptions {
  readonly kind: 'llm';
  readonly calls: 'separate' | 'single';
  readonly limits: Limits;
  /** Milliseconds for one call, and for all words of a session from the start of its run, with all waits and calls. */
  readonly callMs: number;
  readonly budgetMs: number;
  readonly price: Price | undefined;
}

export interface WriterDependencies {
  readonly sources: SourceProvider;
  /** Holds the limits across processes. */
  readonly redis: Redis | undefined;
  readonly log: Logger;
}

export interface ConfiguredWriter {
  readonly writer: Writer;
  /** Of whatever decides its words: the words of one edition are not those of another. */
  readonly edition: string;
  /** Ends its connections. */
  close(): Promise<void>;
}

/** The writer that the configuration names. */
export function createWriter(
  settings: WriterSettings,
  { sources, redis, log }: WriterDependencies,
): ConfiguredWriter {
  const local = createLocalWriter();
  if (settings.kind === 'local') return { writer: local, edition: 'local', close: async () => {} };

  const { calls, limits, callMs, budgetMs, price } = settings;
  const models = createModels(settings);
  const telemetry = createLlmTelemetry(models, price);
  const keys = createKeyRing(models.byKey.length);
  const unobserve = telemetry.observeKeys(keys.states);
  const ask = createAsk({
    models,
    keys,
    limiter: redis
      ? createSharedLimiter({ ...limits, redis, callMs: callMs + CALL_MARGIN_MS })
      : createLocalLimiter(limits),
    // A part that is asked for when the answer for all three is there already still finds it.
    joiner: createCallJoiner(calls === 'single' ? budgetMs : 0),
    telemetry,
    callMs,
    budgetMs,
  });
  const writer = createFallbackWriter({
    primary: calls === 'single' ? createSingleCallWriter(ask, sources) : createLlmWriter(ask),
    fallback: local,
    onFallback(part, error) {
      telemetry.degraded(part, errorType(error));
      log.warn({ part, err: describeError(error) }, 'the model did not write: a part is degraded');
    },
  });
  return {
    writer,
    edition: `${models.server.host} ${settings.model} ${PROMPT_VERSION} ${calls}`,
    async close() {
      unobserve();
      await models.close();
    },
  };
}

/** Milliseconds after which a call that was to end by itself is taken to be over by the other processes. */
const CALL_MARGIN_MS = 1_000;
