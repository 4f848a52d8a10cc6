import { setTimeout as delay } from 'node:timers/promises';
import { type Attributes, trace } from '@opentelemetry/api';
import { inSpan } from '../profiling/span.ts';
import type { StepRecorder } from '../profiling/step.ts';

/**
 * A piece of work that is declared once: what it needs, how long one attempt may take, and how often it is tried.
 * `Needs` has a key for each step (or input field) named in `after`.
 */
export interface Step<Needs, Output> {
  readonly after: readonly (keyof Needs & string)[];
  /** Milliseconds for one attempt. */
  readonly timeoutMs: number;
  /** Attempts in all; 1 is no retry. */
  readonly attempts: number;
  /** Whether a run that takes over uses the output of the one before: for work that must not be paid for twice. */
  readonly keepsOutput?: boolean;
  /** `reader` may be told what there is of the output so far. */
  readonly run: (needs: Needs, signal: AbortSignal, reader?: StepReader) => Promise<Output>;
}

interface DeclaredStep extends Step<Record<string, unknown>, unknown> {
  readonly name: string;
}

/** Somebody who may read the output of a step while it comes about. Must not throw. */
interface StepReader {
  isWanted(): boolean;
  tell(soFar: unknown): void;
}

/** Outputs by step name, with the fields of the input beside them. */
type Values = Record<string, unknown>;

export interface StepCompletion {
  readonly name: string;
  readonly durationMs: number;
}

export interface RunOptions {
  /** Outputs that an earlier run kept. These steps, and those that only they need, do not run. */
  readonly finished?: ReadonlyMap<string, unknown>;
  /** Aborting it aborts every running step and starts no other. */
  readonly signal: AbortSignal;
  readonly record: StepRecorder;
  /** Put on every step's span and report: what the run is about. */
  readonly attributes: Attributes;
  /** Awaited before a step counts as finished, one call at a time. A rejection fails the run. */
  readonly onStepCompleted?: (completion: StepCompletion, keptOutput: unknown) => Promise<void>;
  readonly readerOf?: (step: string) => StepReader;
}

/** Milliseconds before the second attempt; doubles from there. */
const RETRY_DELAY_MS = 100;

/**
 * A directed acyclic graph of steps. A step can only name what was declared before it, so it cannot be circular.
 */
export class Graph<Known extends object> {
  readonly #inputs: readonly string[];
  readonly #steps: readonly DeclaredStep[];

  private constructor(inputs: readonly string[], steps: readonly DeclaredStep[]) {
    this.#inputs = inputs;
    this.#steps = steps;
  }

  /** Starts a declaration; `inputs` names the fields of the input that steps may name in `after`. */
  static from<Input extends object>(...inputs: (keyof Input & string)[]): Graph<Input> {
    return new Graph<Input>(inputs, []);
  }

  step<Name extends string, Needed extends keyof Known & string, Output>(
    name: Name,
    step: Step<Pick<Known, Needed>, Output>,
  ): Graph<Known & Record<Name, Output>> {
    const known = new Set([...this.#inputs, ...this.stepNames]);
    if (known.has(name)) throw new TypeError(`step "${name}" is declared twice`);
    const missing = step.after.find((dependency) => !known.has(dependency));
    if (missing !== undefined)
      throw new TypeError(`step "${name}" is after "${missing}", which is not declared`);
    return new Graph(this.#inputs, [...this.#steps, { ...(step as unknown as DeclaredStep), name }]);
  }

  get stepNames(): readonly string[] {
    return this.#steps.map(({ name }) => name);
  }

  /** The steps that can run now, or already do, when those in `finished` have ended. */
  runnable(finished: ReadonlySet<string>): ReadonlySet<string> {
    const done = new Set([...this.#inputs, ...finished]);
    const ready = this.#steps.filter(
      (step) => !done.has(step.name) && step.after.every((name) => done.has(name)),
    );
    return new Set(ready.map(({ name }) => name));
  }

  /**
   * Runs every step as soon as what it is after has finished. The first failure aborts the rest.
   *
   * @throws the first step's error, once everything that was running has ended; a TimeoutError when a step's time
   *   limit is over; the signal's reason when it was aborted.
   */
  async run(input: object, options: RunOptions): Promise<Known> {
    const { finished = new Map(), signal, record, attributes, onStepCompleted, readerOf } = options;
    const failure = new AbortController();
    const runSignal = AbortSignal.any([signal, failure.signal]);
    const values: Values = { ...input, ...Object.fromEntries(finished) };
    const started = new Map<string, Promise<void>>();
    let reports: Promise<void> = Promise.resolve();

    const runStep = async (step: DeclaredStep): Promise<void> => {
      await Promise.all(step.after.map((dependency) => started.get(dependency)));
      runSignal.throwIfAborted();
      const needs = Object.fromEntries(step.after.map((dependency) => [dependency, values[dependency]]));
      const startedAt = performance.now();
      values[step.name] = await record(step, attributes, () =>
        attempt(step, needs, runSignal, readerOf?.(step.name)),
      );
      const completion = { name: step.name, durationMs: performance.now() - startedAt };
      if (onStepCompleted) {
        // In a chain, so that completions are reported in the order in which they happened.
        const kept = step.keepsOutput ? values[step.name] : undefined;
        reports = reports.then(() => inSpan('checkpoint', () => onStepCompleted(completion, kept)));
        await reports;
      }
    };

    let firstFailure: { error: unknown } | undefined;
    for (const step of this.#needed(finished)) {
      const done = runStep(step);
      done.catch((error) => {
        firstFailure ??= { error };
        // With a reason of its own: what is aborted because of it was cancelled, and has not failed.
        failure.abort();
      });
      started.set(step.name, done);
    }
    await Promise.allSettled(started.values());
    if (firstFailure) throw firstFailure.error;
    return values as Known;
  }

  /** The steps that have to run when those in `finished` have: from those nobody waits for, back to their needs. */
  #needed(finished: ReadonlyMap<string, unknown>): DeclaredStep[] {
    const awaited = new Set<string>();
    const needed: DeclaredStep[] = [];
    for (const step of this.#steps.toReversed()) {
      const isLast = !this.#steps.some(({ after }) => after.includes(step.name));
      if (finished.has(step.name) || !(isLast || awaited.has(step.name))) continue;
      needed.unshift(step);
      for (const dependency of step.after) awaited.add(dependency);
    }
    return needed;
  }
}

async function attempt(
  step: DeclaredStep,
  needs: Values,
  signal: AbortSignal,
  reader: StepReader | undefined,
): Promise<unknown> {
  for (let attempts = 1; ; attempts++) {
    const attemptSignal = AbortSignal.any([signal, AbortSignal.timeout(step.timeoutMs)]);
    try {
      return await orAborted(step.run(needs, attemptSignal, reader), attemptSignal);
    } catch (error) {
      if (signal.aborted || attempts >= step.attempts || isFinal(error)) throw error;
      trace.getActiveSpan()?.addEvent('retry', { attempt: attempts });
      await delay(RETRY_DELAY_MS * 2 ** (attempts - 1), undefined, { signal });
    }
  }
}

/** Whether the error says of itself that another attempt would end the same way. */
function isFinal(error: unknown): boolean {
  return (error as { isFinal?: boolean }).isFinal === true;
}

/** A step that does not heed its signal must not hold up the run: the signal wins, the late result is dropped. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
