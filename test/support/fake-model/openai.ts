import { expect, expectStrict, type FinishReason, type Protocol } from './protocol.ts';

interface ChatBody {
  readonly model?: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  readonly response_format?: {
    readonly type: string;
    readonly json_schema?: { readonly name?: string; readonly strict?: boolean; readonly schema?: unknown };
  };
}

const REASONS: Record<FinishReason, string> = { stop: 'stop', length: 'length', blocked: 'content_filter' };

/** Chat completions, as OpenAI, Ollama and vLLM speak them. */
export const openai: Protocol = {
  name: 'openai-compatible',
  basePath: '/v1',

  read(req, body) {
    const { model, stream = false, stream_options, messages = [], response_format } = body as ChatBody;
    expect(req.url === '/v1/chat/completions', `no such path: ${req.url}`);
    expect(model, 'no model');
    expect(!stream || stream_options?.include_usage, 'a stream without usage');
    expect(response_format?.type === 'json_schema', `response_format is ${response_format?.type}`);
    const { name, strict, schema } = response_format.json_schema ?? {};
    expect(name && /^[\w-]{1,64}$/.test(name), 'json_schema has no name');
    expect(strict === true, 'json_schema is not strict');
    expectStrict(schema);
    const [system, user, ...more] = messages;
    expect(system?.role === 'system' && user?.role === 'user' && more.length === 0, 'other messages');
    const key = req.headers.authorization?.replace(/^Bearer /, '') ?? '';
    return { key, model, stream, system: system.content, user: user.content, schema };
  },

  whole: (text, finish, usage) => ({
    ...envelope('chat.completion'),
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: REASONS[finish] }],
    usage: tokens(usage),
  }),

  piece: (text) => ({
    ...envelope('chat.completion.chunk'),
    choices: [{ index: 0, delta: { role: 'assistant', content: text }, finish_reason: null }],
  }),

  end: (finish, usage) => [
    {
      ...envelope('chat.completion.chunk'),
      choices: [{ index: 0, delta: {}, finish_reason: REASONS[finish] }],
    },
    { ...envelope('chat.completion.chunk'), choices: [], usage: tokens(usage) },
    '[DONE]',
  ],

  error: (status, message) => ({
    error: { message, type: status === 429 ? 'rate_limit_exceeded' : 'api_error', param: null, code: null },
  }),
};

function envelope(object: string) {
  return { id: 'chatcmpl-1', object, created: 1_700_000_000, model: 'fake' };
}

function tokens({ input, output }: { input: number; output: number }) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}
