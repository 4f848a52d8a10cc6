import type { JSONSchema7, LanguageModelV4, LanguageModelV4Usage } from '@ai-sdk/provider';
import { ModelError, toModelError } from './model-error.ts';

export interface ChatRequest {
  /** Of what is asked for, as the provider is told it. */
  readonly name: string;
  readonly schema: JSONSchema7;
  readonly system: string;
  readonly user: string;
}

export interface ChatAnswer {
  readonly text: string;
  /** The provider's own word for why it stopped. */
  readonly finishReason: string;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** Google's models that think, from 2.5 on; the others, and Gemma, refuse a request that speaks of it. */
const THINKS = /^gemini-(2\.[5-9]|[3-9])/;

/** Characters. The longest answer that fits is a fifth of it: a model that runs on and on is cut off. */
const LONGEST_ANSWER = 20_000;

/**
 * One call, streamed: the first words are there early, and a model that hangs shows it. The SDK's model is used
 * directly: `streamText` around it parses the whole answer anew with every chunk, and retries by itself.
 *
 * @throws {ModelError}; the signal's reason when it was aborted.
 */
export async function chat(
  model: LanguageModelV4,
  { name, schema, system, user }: ChatRequest,
  signal: AbortSignal,
  onText: (delta: string) => void,
): Promise<ChatAnswer> {
  try {
    const { stream } = await model.doStream({
      prompt: [
        { role: 'system', content: system },
        { role: 'user', content: [{ type: 'text', text: user }] },
      ],
      responseFormat: { type: 'json', name, schema },
      // Gemini thinks for seconds before the first word unless told not to; others may not know the setting.
      ...(THINKS.test(model.modelId) ? { reasoning: 'none' } : {}),
      abortSignal: signal,
    });
    let text = '';
    let finished: ChatAnswer | undefined;
    for await (const part of stream) {
      if (part.type === 'error')
        throw part.error instanceof Error ? part.error : new ModelError('unavailable');
      if (part.type === 'text-delta') {
        text += part.delta;
        onText(part.delta);
        if (text.length > LONGEST_ANSWER) throw new ModelError('invalid_answer', { faults: ['too long'] });
      }
      // Read to its end all the same: a connection is only kept when nothing is left in it.
      if (part.type === 'finish') finished = answer(text, part.finishReason, part.usage);
    }
    if (!finished) throw new ModelError('connection');
    return finished;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw toModelError(error);
  }
}

function answer(
  text: string,
  { unified, raw }: { unified: string; raw: string | undefined },
  usage: LanguageModelV4Usage,
): ChatAnswer {
  if (unified === 'content-filter') throw new ModelError('blocked');
  if (unified === 'interrupted' || unified === 'error') throw new ModelError('connection');
  return {
    text,
    finishReason: raw ?? unified,
    inputTokens: usage.inputTokens.total,
    outputTokens: usage.outputTokens.total,
  };
}
