import type { Sources, UserHistory } from '../domain/corpus.ts';
import type { Writer } from '../domain/ports.ts';
import type { Reflection, Written } from '../domain/session.ts';
import type { Topic } from '../domain/session-request.ts';
import type { Step } from './graph.ts';

/** Three cards that look at what is behind it, what might be tried, and who can help. */
export function reflectionStep({
  writer,
}: {
  writer: Pick<Writer, 'reflection'>;
}): Step<
  { topic: Topic; variant: number; startedAt: number; context: UserHistory; sources: Sources },
  Written<Reflection>
> {
  return {
    after: ['topic', 'variant', 'startedAt', 'context', 'sources'],
    timeoutMs: 30_000,
    attempts: 2,
    keepsOutput: true,
    run: ({ topic, variant, startedAt, context, sources }, signal, reader) =>
      writer.reflection({ topic, variant, startedAt, history: context, sources }, signal, reader),
  };
}
