import type { Sources, UserHistory } from '../domain/corpus.ts';
import type { SourceProvider } from '../domain/ports.ts';
import type { Topic } from '../domain/session-request.ts';
import type { Step } from './graph.ts';

/** Voices, insights and policies for the topic. */
export function sourcesStep({
  sources,
}: {
  sources: SourceProvider;
}): Step<{ topic: Topic; context: UserHistory }, Sources> {
  return {
    after: ['topic', 'context'],
    // Longer than the database's own limit, whose error says that it is the database.
    timeoutMs: 8_000,
    attempts: 2,
    run: ({ topic }) => sources.forTag(topic.tagId),
  };
}
