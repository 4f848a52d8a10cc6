import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { SessionQueue } from '../domain/ports.ts';
import { sessionQueueSpan } from './session-queue-span.ts';

const SEND = sessionQueueSpan('send', 'in_process');
const PROCESS = sessionQueueSpan('process', 'in_process');

/** In this process, first in first out. What is lost with the process is handed out again by the recovery. */
export function createLocalQueue(): SessionQueue {
  let waiting = new Map<string, Record<string, string>>();
  const running = new Set<Promise<void>>();
  const tracer = trace.getTracer('meari');
  let execute: ((sessionId: string) => Promise<void>) | undefined;
  let freeSlots = 0;

  function handOut(): void {
    for (const [sessionId, carrier] of waiting) {
      if (freeSlots === 0 || !execute) return;
      waiting.delete(sessionId);
      freeSlots -= 1;
      const run = consume(sessionId, carrier, execute).finally(() => {
        running.delete(run);
        freeSlots += 1;
        handOut();
      });
      running.add(run);
    }
  }

  async function consume(
    sessionId: string,
    carrier: Record<string, string>,
    work: (sessionId: string) => Promise<void>,
  ): Promise<void> {
    // Not the active context: it is that of whoever put in or finished last.
    const parent = propagation.extract(ROOT_CONTEXT, carrier);
    const span = tracer.startSpan(PROCESS.name, PROCESS, parent);
    await context.with(trace.setSpan(parent, span), () => work(sessionId)).finally(() => span.end());
  }

  return {
    async enqueue(sessionId, fence) {
      const carrier: Record<string, string> = {};
      const span = tracer.startSpan(SEND.name, SEND);
      propagation.inject(trace.setSpan(context.active(), span), carrier);
      if (!waiting.has(sessionId)) {
        if (fence > 0) waiting = new Map([[sessionId, carrier], ...waiting]);
        else waiting.set(sessionId, carrier);
      }
      span.end();
      // After the caller's own turn: its answer does not wait for the work to begin.
      setImmediate(handOut);
    },

    consume(work, concurrency) {
      execute = work;
      freeSlots = concurrency;
      handOut();
    },

    async close() {
      execute = undefined;
      await Promise.all(running);
    },
  };
}
