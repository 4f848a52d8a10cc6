import type { Call, FakeModel } from '../../test/support/fake-model/fake-model.ts';
import { linesOf, open, SESSIONS } from '../support/client.ts';

/** One session as its user saw it and as the model saw it, in milliseconds. */
export interface MeasuredSession {
  readonly total: number;
  /** From the request to the first words, and what the model itself took of it. */
  readonly firstWords: number;
  readonly modelFirstWords: number;
  /** From the first call's begin to the last one's end. */
  readonly model: number;
  readonly degraded: boolean;
}

/** Follows a session of this guest while it is written; its calls are told by its words. */
export async function measureSession(
  url: string,
  cookie: string,
  model: FakeModel,
  words: string,
): Promise<MeasuredSession> {
  const startedAt = performance.now();
  let firstWordsAt = Number.NaN;
  let degraded = false;
  const response = await open(`${url}${SESSIONS}?deltas=1`, {
    method: 'POST',
    headers: { Cookie: cookie, Accept: 'application/x-ndjson' },
    body: { selected_tag_id: 2, user_context: words },
  });
  for await (const line of linesOf(response)) {
    if (line.status === 'delta' && Number.isNaN(firstWordsAt)) firstWordsAt = performance.now();
    if (line.status === 'completed')
      degraded = (line as { data?: { degraded?: boolean } }).data?.degraded === true;
  }
  const total = performance.now() - startedAt;
  const calls = model.calls.filter(({ user }) => user.includes(words));
  return {
    total,
    firstWords: firstWordsAt - startedAt,
    modelFirstWords: Math.min(...calls.map(firstWordsOf)) - startedAt,
    model:
      Math.max(...calls.map(({ endedAt }) => endedAt ?? Number.NaN)) -
      Math.min(...calls.map((call) => call.startedAt)),
    degraded,
  };
}

function firstWordsOf({ firstWordsAt }: Call): number {
  return firstWordsAt ?? Number.POSITIVE_INFINITY;
}
