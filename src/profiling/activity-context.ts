import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MANUAL, stepsInFlight, workOf } from './activity.ts';
import type { Work } from './work.ts';

/** Marks the current asynchronous context with what it is for; a profile that runs keeps the mark of each sample. */
export type Marker = (work: Work | undefined) => void;

let marker: Marker | undefined;

/**
 * The stock context manager, which tells a running profile of each context that becomes active, and enters one for
 * less: `AsyncLocalStorage.run` copies the values of all storages twice, the second time to go back, which a resource
 * does by keeping what was there before.
 */
export class ActivityContextManager extends AsyncLocalStorageContextManager {
  /** The stock one's own is entered by way of a scope object, which nobody here would end. */
  readonly #storage = new AsyncLocalStorage<Context>();

  override active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return new AsyncResource('CONTEXT', MANUAL).runInAsyncScope(() => {
      this.#storage.enterWith(context);
      marker?.(workOf(context));
      return run.apply(self, args);
    });
  }

  override attach(context: Context): ReturnType<AsyncLocalStorageContextManager['attach']> {
    return this.#storage.withScope(context);
  }

  override disable(): this {
    this.#storage.disable();
    return this;
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
