import type { UserHistory } from '../domain/corpus.ts';
import type { Writer } from '../domain/ports.ts';
import type { Persona, Written } from '../domain/session.ts';
import type { Topic } from '../domain/session-request.ts';
import type { Step } from './graph.ts';

/** How the service understands the user. */
export function personaStep({
  writer,
}: {
  writer: Pick<Writer, 'persona'>;
}): Step<{ topic: Topic; variant: number; startedAt: number; context: UserHistory }, Written<Persona>> {
  return {
    after: ['topic', 'variant', 'startedAt', 'context'],
    timeoutMs: 30_000,
    attempts: 2,
    keepsOutput: true,
    run: ({ topic, variant, startedAt, context }, signal, reader) =>
      writer.persona({ topic, variant, startedAt, history: context }, signal, reader),
  };
}
