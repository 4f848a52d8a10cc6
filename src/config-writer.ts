import { z } from 'zod';
import { StartupError } from './errors.ts';
import type { WriterSettings } from './writing/create-writer.ts';

const list = z
  .string()
  .transform((value) => value.split(',').map((item) => item.trim()))
  // Anything else could not be sent in a header, and the error would quote the key.
  .refine((items) => items.every((item) => /^[\x21-\x7e]+$/.test(item)), {
    message: 'must be keys of visible ASCII characters, separated by commas',
  });

const baseUrl = z.string().refine(
  (value) => {
    const url = URL.parse(value);
    return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search;
  },
  { message: 'must be a URL that starts with http:// or https://, without user, password and query' },
);

/** `model=input/output` in US dollars for a million tokens, separated by commas. */
const prices = z
  .string()
  .transform((value) => value.split(',').map((entry) => /^\s*([^=\s]+)=([\d.]+)\/([\d.]+)\s*$/.exec(entry)))
  .refine((entries) => entries.every((entry) => entry?.slice(2).every((n) => Number(n) >= 0) === true), {
    message: 'must be prices for a million tokens such as gemini-2.5-flash=0.30/2.50, separated by commas',
  })
  .transform(
    (entries) =>
      new Map(
        entries.map((entry) => [entry?.[1], { input: Number(entry?.[2]), output: Number(entry?.[3]) }]),
      ),
  );

/** Milliseconds. The pipeline gives a step 30 s: a part has to be there before that, written by whichever writer. */
const LONGEST_BUDGET_MS = 28_000;

/** Milliseconds of the window in which providers count calls. */
const MINUTE_MS = 60_000;

export const writerVariables = {
  WRITER: z.enum(['local', 'llm']).default('local'),
  LLM_PROVIDER: z.enum(['google', 'openai-compatible']).optional(),
  LLM_BASE_URL: baseUrl.optional(),
  LLM_MODEL: z.string().optional(),
  LLM_API_KEYS: list.optional(),
  LLM_CALLS: z.enum(['separate', 'single']).default('separate'),
  LLM_MAX_RPM: z.coerce.number().int().min(1).optional(),
  LLM_MAX_CONCURRENT: z.coerce.number().int().min(1).default(100),
  LLM_TIMEOUT_MS: z.coerce.number().int().positive().max(LONGEST_BUDGET_MS).default(15_000),
  LLM_BUDGET_MS: z.coerce.number().int().positive().max(LONGEST_BUDGET_MS).default(25_000),
  LLM_PRICES: prices.optional(),
};

type Values = z.infer<z.ZodObject<typeof writerVariables>>;

/** @throws {StartupError} with the variable's name, when they do not go together. */
export function toWriterSettings(values: Values): WriterSettings {
  if (values.WRITER === 'local') return { kind: 'local' };
  const {
    LLM_PROVIDER: provider,
    LLM_MODEL: model,
    LLM_API_KEYS: apiKeys = [],
    LLM_BASE_URL: baseUrl,
  } = values;
  if (provider === undefined) throw bad('LLM_PROVIDER: WRITER=llm needs it');
  if (model === undefined) throw bad('LLM_MODEL: WRITER=llm needs it');
  if (provider === 'google' && apiKeys.length === 0) {
    throw bad('LLM_API_KEYS: LLM_PROVIDER=google needs one at least');
  }
  if (provider === 'openai-compatible' && baseUrl === undefined) {
    throw bad('LLM_BASE_URL: LLM_PROVIDER=openai-compatible needs it');
  }
  if (values.LLM_TIMEOUT_MS > values.LLM_BUDGET_MS) {
    throw bad('LLM_TIMEOUT_MS: must not be more than LLM_BUDGET_MS');
  }
  return {
    kind: 'llm',
    provider,
    baseUrl,
    model,
    apiKeys,
    calls: values.LLM_CALLS,
    limits: {
      perWindow: values.LLM_MAX_RPM ?? Number.POSITIVE_INFINITY,
      windowMs: MINUTE_MS,
      atOnce: values.LLM_MAX_CONCURRENT,
    },
    callMs: values.LLM_TIMEOUT_MS,
    budgetMs: values.LLM_BUDGET_MS,
    price: values.LLM_PRICES?.get(model),
  };
}

function bad(problem: string): StartupError {
  return new StartupError(`bad configuration: ${problem}`);
}
