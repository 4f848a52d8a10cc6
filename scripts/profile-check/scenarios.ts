const SESSIONS = '/api/v1/meari/sessions';

/** Sends a request as one user, and returns the id of its trace once all its work is done. */
export type Ask = (
  method: 'GET' | 'POST',
  path: string,
  options?: { readonly body?: object; readonly headers?: Readonly<Record<string, string>> },
) => Promise<{ readonly traceId: string; readonly body: { session_id?: string } }>;

export type Scenario = (ask: Ask, round: number) => Promise<string>;

/** What users do, each as cold as a first request is: a text of its own in each round. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a new guest': async (ask) => (await ask('POST', '/auth/guest')).traceId,
  'who am I': async (ask) => (await ask('GET', '/auth/me')).traceId,
  tags: async (ask) => (await ask('GET', '/api/v1/tags')).traceId,
  'a session, waited for': async (ask, round) =>
    (await ask('POST', SESSIONS, { body: session(`기다림 ${round}`) })).traceId,
  'a session in the background': async (ask, round) => {
    const body = session(`나중에 ${round}`);
    const accepted = await ask('POST', SESSIONS, { body, headers: { Prefer: 'respond-async' } });
    await finished(ask, accepted.body.session_id);
    return accepted.traceId;
  },
  'a page of sessions': async (ask, round) => {
    for (let index = 0; index < 3; index++) {
      await ask('POST', SESSIONS, { body: session(`목록 ${round} ${index}`) });
    }
    return (await ask('GET', `${SESSIONS}?limit=20`)).traceId;
  },
  'a finished session': async (ask, round) => {
    const { body } = await ask('POST', SESSIONS, { body: session(`읽기 ${round}`) });
    return (await ask('GET', `${SESSIONS}/${body.session_id}`)).traceId;
  },
  'the status of a session': async (ask, round) => {
    const { body } = await ask('POST', SESSIONS, { body: session(`상태 ${round}`) });
    return (await ask('GET', `${SESSIONS}/${body.session_id}/status`)).traceId;
  },
};

function session(userContext: string): object {
  return { selected_tag_id: 2, user_context: userContext };
}

/** A replay of the events ends when the session does. */
async function finished(ask: Ask, sessionId: string | undefined): Promise<void> {
  await ask('GET', `${SESSIONS}/${sessionId}/events`, { headers: { Accept: 'application/x-ndjson' } });
}
