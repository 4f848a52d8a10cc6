import { createGoogle } from '@ai-sdk/google';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { Agent, fetch as fetchWith } from 'undici';

export interface ProviderOptions {
  readonly provider: 'google' | 'openai-compatible';
  /** Undefined: Google's own. */
  readonly baseUrl: string | undefined;
  readonly model: string;
  /** Empty for a server that asks for none. */
  readonly apiKeys: readonly string[];
}

/** One model for each key, over one client. */
export interface Models {
  readonly provider: string;
  readonly name: string;
  /** Where the calls go, for spans. */
  readonly server: URL;
  readonly byKey: readonly LanguageModelV4[];
  close(): Promise<void>;
}

/** Milliseconds that an idle connection is kept: sessions come minutes apart, and a TLS handshake costs two rounds. */
const KEEP_ALIVE_MS = 90_000;

const GOOGLE_URL = 'https://generativelanguage.googleapis.com/v1beta';

export function createModels({ provider, baseUrl, model, apiKeys }: ProviderOptions): Models {
  const agent = new Agent({ keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS });
  const fetch = ((url: string, init: object) =>
    fetchWith(url, { ...init, dispatcher: agent })) as unknown as typeof globalThis.fetch;
  const baseURL = baseUrl ?? GOOGLE_URL;
  const modelWith = (apiKey: string | undefined): LanguageModelV4 =>
    provider === 'google'
      ? createGoogle({ baseURL, fetch, ...(apiKey === undefined ? {} : { apiKey }) })(model)
      : createOpenAICompatible({
          name: 'openai',
          baseURL,
          fetch,
          includeUsage: true,
          supportsStructuredOutputs: true,
          ...(apiKey === undefined ? {} : { apiKey }),
        })(model);
  return {
    // As the GenAI conventions name them; what speaks OpenAI's protocol is told apart by the server's address.
    provider: provider === 'google' ? 'gcp.gemini' : 'openai',
    name: model,
    server: new URL(baseURL),
    byKey: apiKeys.length === 0 ? [modelWith(undefined)] : apiKeys.map(modelWith),
    close: () => agent.destroy(),
  };
}
