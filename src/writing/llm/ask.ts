import { createHash } from 'node:crypto';
import type { JSONSchema7 } from '@ai-sdk/provider';
import type { DeltaReader } from '../../domain/ports.ts';
import { notePrompt } from '../../profiling/capture/prompt.ts';
import { type ChatRequest, chat } from './chat.ts';
import { createDeltaSender } from './deltas.ts';
import type { CallJoiner } from './join-calls.ts';
import type { KeyRing } from './key-ring.ts';
import type { Limiter } from './limiter/limiter.ts';
import { isModelError, ModelError } from './model-error.ts';
import { PROMPT_VERSION } from './prompts/version.ts';
import { withFaults } from './prompts/with-faults.ts';
import type { Models } from './providers.ts';
import { faultOf, retryCalls } from './retry-calls.ts';
import { readAnswer, type Task, toJsonSchema } from './task.ts';
import type { LlmTelemetry } from './telemetry.ts';

export interface AskDependencies {
  readonly models: Models;
  readonly keys: KeyRing;
  readonly limiter: Limiter;
  readonly joiner: CallJoiner;
  readonly telemetry: LlmTelemetry;
  /** Milliseconds for one call. */
  readonly callMs: number;
  /** Milliseconds for the words of a session from the start of its run, with all waits and calls. */
  readonly budgetMs: number;
}

/** Has the model do a task. @throws {ModelError} when it cannot be done; the signal's reason when it was aborted. */
export type Ask = <Answer, Result>(
  task: Task<Answer, Result>,
  signal: AbortSignal,
  reader?: DeltaReader<Result>,
) => Promise<Result>;

/** Calls after the first, with one key. Each more key is worth one more. */
const MOST_RETRIES = 2;

/** Asks within limits, again after faults that pass, and once more when the answer does not fit. */
export function createAsk(dependencies: AskDependencies): Ask {
  const { models, keys, limiter, joiner, telemetry, callMs, budgetMs } = dependencies;

  /** One answer of the model, whatever it says. */
  async function call(
    request: ChatRequest,
    deadline: number,
    signal: AbortSignal,
    onText: (text: string) => void,
  ): Promise<string> {
    let attempt = 0;
    const enter = () => telemetry.waiting(request.name, () => limiter.acquire(signal));
    const withKey = async (key: number): Promise<string> => {
      attempt += 1;
      const info = { part: request.name, promptVersion: PROMPT_VERSION, attempt, key };
      const { text } = await telemetry.chat(info, (onFirstChunk) =>
        callOnce(key, request, signal, onFirstChunk, onText),
      );
      return text;
    };
    const policy = retryCalls(MOST_RETRIES + models.byKey.length - 1, deadline);
    policy.onRetry((failure) => telemetry.retried(request.name, faultOf(failure)));
    return policy.execute(() => {
      signal.throwIfAborted();
      return keys.use(enter, withKey);
    }, signal);
  }

  async function callOnce(
    key: number,
    request: ChatRequest,
    signal: AbortSignal,
    onFirstChunk: () => void,
    onText: (text: string) => void,
  ) {
    const model = models.byKey[key];
    if (!model) throw new RangeError(`no model for key ${key}`);
    const limit = AbortSignal.timeout(callMs);
    let text = '';
    notePrompt(request.name, request.system, request.user);
    try {
      return await chat(model, request, AbortSignal.any([signal, limit]), (delta) => {
        if (text === '') onFirstChunk();
        text += delta;
        onText(text);
      });
    } catch (error) {
      if (limit.aborted && !signal.aborted) throw new ModelError('timeout');
      throw error;
    }
  }

  async function askTwice<Answer, Result>(
    task: Task<Answer, Result>,
    schema: JSONSchema7,
    signal: AbortSignal,
    onText: (text: string) => void,
  ): Promise<Answer> {
    const deadline = task.startedAt + budgetMs;
    const { name, system, user } = task;
    const request = { name, system, user, schema };
    try {
      return readAnswer(task, await call(request, deadline, signal, onText));
    } catch (error) {
      if (!isModelError(error, 'invalid_answer')) throw error;
      telemetry.retried(name, error.code);
      const again = { ...request, user: withFaults(user, error.faults) };
      return readAnswer(task, await call(again, deadline, signal, onText));
    }
  }

  return async (task, signal, reader) => {
    const leftMs = Math.ceil(task.startedAt + budgetMs - performance.now());
    if (leftMs <= 0) throw new ModelError('budget_spent');
    const schema = toJsonSchema(task.schema);
    const sender = reader && createDeltaSender(task, schema, reader);
    const budget = AbortSignal.timeout(leftMs);
    try {
      // A digest, so that what the user wrote is not kept as a key.
      const key = createHash('sha256')
        .update(JSON.stringify([task.name, task.system, task.user]))
        .digest('hex');
      const answer = await joiner.join(
        key,
        AbortSignal.any([signal, budget]),
        sender?.push,
        (shared, onText) => askTwice(task, schema, shared, onText),
      );
      return task.toResult(answer);
    } catch (error) {
      if (budget.aborted && !signal.aborted) throw new ModelError('budget_spent');
      throw error;
    } finally {
      sender?.stop();
    }
  };
}
