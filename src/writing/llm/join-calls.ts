import { trace } from '@opentelemetry/api';

/** Told the answer so far. */
type OnText = (text: string) => void;

interface Call {
  readonly result: Promise<unknown>;
  readonly listeners: Set<OnText>;
  readonly abandon: AbortController;
  callers: number;
  text: string;
}

/**
 * Joins calls that would ask the same at the same time. One that nobody waits for any longer is aborted.
 *
 * @param keepMs for how long a result serves those who come after its end.
 */
export function createCallJoiner(keepMs: number) {
  const calls = new Map<string, Call>();

  function begin(key: string, start: (signal: AbortSignal, onText: OnText) => Promise<unknown>): Call {
    const abandon = new AbortController();
    const listeners = new Set<OnText>();
    const onText = (text: string) => {
      call.text = text;
      for (const listener of listeners) listener(text);
    };
    const result = start(abandon.signal, onText);
    const call: Call = { result, listeners, abandon, callers: 0, text: '' };
    calls.set(key, call);
    result.then(
      () => {
        if (keepMs > 0) setTimeout(forget, keepMs, key, call).unref();
        else forget(key, call);
      },
      () => forget(key, call),
    );
    return call;
  }

  function forget(key: string, call: Call): void {
    if (calls.get(key) === call) calls.delete(key);
  }

  return {
    /**
     * The result of the call under this key, which is started unless it is under way.
     *
     * @throws the signal's reason when this caller's is aborted; the others go on.
     */
    async join<T>(
      key: string,
      signal: AbortSignal,
      onText: OnText | undefined,
      start: (signal: AbortSignal, onText: OnText) => Promise<T>,
    ): Promise<T> {
      signal.throwIfAborted();
      const running = calls.get(key);
      // Its spans are in the trace of whoever asked first.
      if (running) trace.getActiveSpan()?.addEvent('joined a call in flight');
      const call = running ?? begin(key, start);
      call.callers += 1;
      if (onText) {
        call.listeners.add(onText);
        if (call.text) onText(call.text);
      }
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return (await Promise.race([call.result, aborted])) as T;
      } finally {
        signal.removeEventListener('abort', onAbort);
        if (onText) call.listeners.delete(onText);
        call.callers -= 1;
        if (call.callers === 0 && signal.aborted) {
          forget(key, call);
          call.abandon.abort(signal.reason);
        }
      }
    },
  };
}

export type CallJoiner = ReturnType<typeof createCallJoiner>;
