import type { Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { stepsInFlight, workOf } from './activity.ts';
import type { Work } from './work.ts';

/** Marks the current asynchronous context with what it is for; a profile that runs keeps the mark of each sample. */
export type Marker = (work: Work | undefined) => void;

let marker: Marker | undefined;

/** The stock context manager, which tells a running profile of each context that becomes active. */
export class ActivityContextManager extends AsyncLocalStorageContextManager {
  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const mark = marker;
    if (!mark) return super.with(context, run, self, ...args);
    const marked = (): ReturnType<F> => {
      mark(workOf(context));
      return run.call(self, ...args);
    };
    return super.with(context, marked as F);
  }
}

/** Has every context marked from now on, those of the steps under way first. @returns what ends it. */
export function markContexts(mark: Marker): () => void {
  marker = mark;
  for (const work of stepsInFlight()) work.step?.resource?.runInAsyncScope(mark, undefined, work);
  return () => {
    marker = undefined;
  };
}
