import { expect, expectStrict, type FinishReason, type Protocol } from './protocol.ts';

interface Content {
  readonly role?: string;
  readonly parts: readonly { readonly text: string }[];
}

interface GenerateBody {
  readonly systemInstruction?: Content;
  readonly contents?: readonly Content[];
  readonly generationConfig?: {
    readonly responseMimeType?: string;
    readonly responseSchema?: unknown;
    readonly responseJsonSchema?: unknown;
    readonly thinkingConfig?: object;
  };
}

const REASONS: Record<FinishReason, string> = { stop: 'STOP', length: 'MAX_TOKENS', blocked: 'SAFETY' };
const STATUSES: Record<number, string> = {
  401: 'UNAUTHENTICATED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
};

/** `generateContent` and `streamGenerateContent` of the Gemini API. */
export const gemini: Protocol = {
  name: 'google',
  basePath: '/v1beta',

  read(req, body) {
    const url = new URL(req.url ?? '', 'http://fake');
    const [, model, method] =
      /^\/v1beta\/models\/([\w.-]+):(generateContent|streamGenerateContent)$/.exec(url.pathname) ?? [];
    expect(model, `no such path: ${url.pathname}`);
    expect(!url.searchParams.has('key'), 'the key is in the URL');
    const stream = method === 'streamGenerateContent';
    expect(!stream || url.searchParams.get('alt') === 'sse', 'a stream without alt=sse');
    const { systemInstruction, contents = [], generationConfig = {} } = body as GenerateBody;
    expect(generationConfig.responseMimeType === 'application/json', 'responseMimeType is not JSON');
    const schema = generationConfig.responseJsonSchema ?? generationConfig.responseSchema;
    expectStrict(schema);
    const [user, ...more] = contents;
    expect(user?.role === 'user' && more.length === 0, 'other contents');
    const key = String(req.headers['x-goog-api-key'] ?? '');
    return { key, model, stream, system: textOf(systemInstruction), user: textOf(user), schema };
  },

  whole: (text, finish, usage) => ({
    ...candidate(text, finish),
    ...metadata(usage),
  }),

  piece: (text) => candidate(text, undefined),

  end: (finish, usage) => [{ ...candidate('', finish), ...metadata(usage) }],

  error: (status, message, retryAfterSeconds) => ({
    error: {
      code: status,
      message,
      status: STATUSES[status] ?? 'UNKNOWN',
      details:
        retryAfterSeconds === undefined
          ? []
          : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterSeconds}s` }],
    },
  }),
};

function textOf(content: Content | undefined): string {
  return content?.parts.map(({ text }) => text).join('') ?? '';
}

function candidate(text: string, finish: FinishReason | undefined) {
  const content = { role: 'model', parts: [{ text }] };
  return { candidates: [{ index: 0, content, ...(finish ? { finishReason: REASONS[finish] } : {}) }] };
}

function metadata({ input, output }: { input: number; output: number }) {
  return {
    usageMetadata: { promptTokenCount: input, candidatesTokenCount: output, totalTokenCount: input + output },
    modelVersion: 'fake',
  };
}
