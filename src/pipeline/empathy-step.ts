import type { Sources, UserHistory } from '../domain/corpus.ts';
import type { Writer } from '../domain/ports.ts';
import type { Empathy, Written } from '../domain/session.ts';
import type { Topic } from '../domain/session-request.ts';
import type { Step } from './graph.ts';

/** Three cards that say: what you feel makes sense, and you are not alone with it. */
export function empathyStep({
  writer,
}: {
  writer: Pick<Writer, 'empathy'>;
}): Step<
  { topic: Topic; variant: number; startedAt: number; context: UserHistory; sources: Sources },
  Written<Empathy>
> {
  return {
    after: ['topic', 'variant', 'startedAt', 'context', 'sources'],
    timeoutMs: 30_000,
    attempts: 2,
    keepsOutput: true,
    run: ({ topic, variant, startedAt, context, sources }, signal, reader) =>
      writer.empathy({ topic, variant, startedAt, history: context, sources }, signal, reader),
  };
}
