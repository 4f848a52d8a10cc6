import type { UserHistory } from '../domain/corpus.ts';
import type { SessionRepository } from '../domain/ports.ts';
import type { Step } from './graph.ts';

/** What is known of the user: the latest persona, and what they have already been shown. */
export function contextStep({
  sessions,
}: {
  sessions: Pick<SessionRepository, 'history'>;
}): Step<{ userId: string }, UserHistory> {
  return {
    after: ['userId'],
    // Longer than the database's own limit, whose error says that it is the database.
    timeoutMs: 8_000,
    attempts: 2,
    run: ({ userId }) => sessions.history(userId),
  };
}
