import { Writable } from 'node:stream';
import type { CardsBrief } from '../../src/domain/ports.ts';
import { createLogger } from '../../src/log.ts';
import { createWriter, type LlmSettings } from '../../src/writing/create-writer.ts';
import { corpusOf } from './corpus.ts';
import { type FakeModel, type FakeModelOptions, startFakeModel } from './fake-model/fake-model.ts';

export const PROTOCOLS = ['google', 'openai-compatible'] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

export interface LlmWriterOptions extends FakeModelOptions {
  readonly protocol: ProtocolName;
  readonly settings?: Partial<LlmSettings>;
}

/** A writer as `container.ts` makes it, and the model's server that it talks to. */
export async function startLlmWriter({ protocol, settings = {}, ...options }: LlmWriterOptions) {
  const model: FakeModel = await startFakeModel(options);
  const logLines: string[] = [];
  const log = createLogger(
    'debug',
    new Writable({
      write(chunk, _encoding, done) {
        logLines.push(String(chunk));
        done();
      },
    }),
  );
  const { writer, close } = createWriter(
    {
      kind: 'llm',
      provider: protocol,
      baseUrl: model.baseUrl(protocol),
      model: 'gemini-2.5-flash',
      apiKeys: ['key-one'],
      calls: 'separate',
      limits: { perWindow: Number.POSITIVE_INFINITY, windowMs: 60_000, atOnce: 32 },
      callMs: 5_000,
      budgetMs: 20_000,
      price: undefined,
      ...settings,
    },
    { sources: { forTag: async (tagId) => corpusOf(tagId) }, redis: undefined, log },
  );
  return {
    writer,
    model,
    logLines,
    async [Symbol.asyncDispose]() {
      await close();
      await model[Symbol.asyncDispose]();
    },
  };
}

export function briefOf(userContext: string | null, overrides: Partial<CardsBrief> = {}): CardsBrief {
  return {
    topic: { tagId: 2, userContext },
    variant: 0,
    // Of a session that begins when it is asked for.
    get startedAt() {
      return performance.now();
    },
    history: { lastPersona: null, shownQuotes: [] },
    sources: corpusOf(2),
    ...overrides,
  };
}
