/**
 * The Meari API as a browser calls it: log in, send, and have the session delivered in one of three ways.
 * Plain `fetch` and no dependency: copy what you need.
 *
 * A delivery takes `{ tagId, text, idempotencyKey }`, calls `show(update)` with what it learns on the way
 * (`sessionId`, `estimatedSeconds`, `crisisSupport`, `steps`, `persona`, `empathy`, `reflection`), and resolves with
 * the finished session. Aborting `signal` ends it; it rejects with an `ApiError` or the abort's reason.
 */

const SESSIONS = '/api/v1/meari/sessions';
const NDJSON = 'application/x-ndjson';
/** Seconds that the server may hold a status request until something changes. */
const LONG_POLL_SECONDS = 20;
/** A stream has a heartbeat every 15 s: after three missed ones the connection is dead, whatever the browser says. */
const SILENCE_MS = 50_000;
/** Faults in a row, with nothing new between them, after which a delivery gives up: about half a minute. */
const MAX_FAULTS = 7;

/** One request that waits for the whole session. A 202 says that it takes longer: then ask until it is there. */
export async function deliverSync(request, { show, signal }) {
  const response = await postSession(request, {}, signal);
  const body = await readJson(response);
  if (response.status !== 202) return body;
  show(accepted(body));
  return waitForSession(body.session_id, { show, signal });
}

/** Each part as it is ready, one JSON line an event. A cut stream goes on after the last line that was seen. */
export async function deliverStream(request, { show, signal }) {
  let response = await postSession(request, { Accept: NDJSON }, signal);
  let [sessionId, seq] = [undefined, 0];
  return persistently(signal, async (progressed) => {
    // Cut before its first line, the session is found again by the same Idempotency-Key.
    response ??= await (sessionId === undefined
      ? postSession(request, { Accept: NDJSON }, signal)
      : call(`${SESSIONS}/${sessionId}/events?after=${seq}`, { headers: { Accept: NDJSON }, signal }));
    const { body } = response;
    response = undefined;
    for await (const event of jsonLines(body)) {
      // Heartbeats and `reconnect` have no seq; a line that came already has a known one.
      if (!(event.seq > seq)) continue;
      progressed();
      [sessionId, seq] = [event.session_id, event.seq];
      if (event.status === 'completed') return event.data;
      if (event.status === 'failed') throw new ApiError(event.error);
      show(updateOf(event));
    }
    throw connectionLost();
  });
}

/** Hands the work in and gets a receipt at once; then asks how far it is. */
export async function deliverInBackground(request, { show, signal }) {
  const response = await postSession(request, { Prefer: 'respond-async' }, signal);
  const body = await readJson(response);
  // The same Idempotency-Key may find a session that is finished.
  if (response.status !== 202) return body;
  show(accepted(body));
  return waitForSession(body.session_id, { show, signal });
}

async function waitForSession(sessionId, { show, signal }) {
  // What is known already: the server answers at once when there is more, and otherwise once there is.
  let known;
  return persistently(signal, async (progressed) => {
    for (;;) {
      const headers = { Prefer: `wait=${LONG_POLL_SECONDS}`, ...(known ? { 'If-None-Match': known } : {}) };
      const response = await call(`${SESSIONS}/${sessionId}/status`, { headers, signal });
      progressed();
      if (response.status === 304) continue;
      known = response.headers.get('ETag');
      const body = await readJson(response);
      show({ steps: body.progress.steps, estimatedSeconds: body.estimated_seconds });
      if (body.status === 'completed') return getSession(sessionId, signal);
      if (body.status === 'failed') throw new ApiError({ error_code: 'FAILED', message: body.message });
    }
  });
}

/** Who is logged in: a new guest when nobody was. Tell by the 401 and not by the cookie: a script cannot see it. */
export function logIn() {
  return getJson('/auth/me');
}

export function getTags() {
  return getJson('/api/v1/tags');
}

export function getSession(sessionId, signal) {
  return getJson(`${SESSIONS}/${sessionId}`, { signal });
}

export async function getSteps(sessionId) {
  return (await getJson(`${SESSIONS}/${sessionId}/status`)).progress.steps;
}

/** A page of finished sessions, newest first; `next_cursor` is null on the last one. */
export function listSessions(limit, cursor) {
  return getJson(`${SESSIONS}?${new URLSearchParams({ limit, ...(cursor ? { cursor } : {}) })}`);
}

/** Deletes a session and all that it made, and stops it when it is still running. */
export async function deleteSession(sessionId) {
  await call(`${SESSIONS}/${sessionId}`, { method: 'DELETE' });
}

/** Before its id is known, the Idempotency-Key finds a session: the same request once more, answered at once. */
export async function cancelSession(request, sessionId) {
  const known =
    sessionId ?? (await readJson(await postSession(request, { Prefer: 'respond-async' }))).session_id;
  await deleteSession(known);
}

/** An error as the API tells it: `message` is Korean and written for the user, the rest is for developers. */
export class ApiError extends Error {
  constructor(
    { message = '', error_code = 'UNKNOWN', detail, trace_id, crisis_support },
    status = 0,
    retryAfterSeconds = 0,
  ) {
    super(message);
    this.code = error_code;
    this.detail = detail ?? '';
    this.traceId = trace_id ?? '';
    this.crisisSupport = crisis_support;
    this.retryAfterSeconds = retryAfterSeconds;
    /** It may well work in a moment. */
    this.passing = error_code === 'NETWORK' || [429, 502, 503, 504].includes(status);
    /** Nobody of this API has answered: whether the request was taken is not known. Repeat it with its key. */
    this.unanswered = error_code === 'NETWORK' || error_code.startsWith('HTTP_');
  }
}

function connectionLost() {
  return new ApiError({ error_code: 'NETWORK' });
}

function postSession({ tagId, text, idempotencyKey }, headers, signal) {
  return call(SESSIONS, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey, ...headers },
    body: JSON.stringify({ selected_tag_id: tagId, user_context: text || null }),
    signal,
  });
}

async function getJson(path, options) {
  return readJson(await call(path, options));
}

/** `fetch` that logs in again, once, when the login has ended, and rejects with an `ApiError` on any error. */
async function call(path, options = {}) {
  let response = await request(path, options);
  if (response.status === 401) {
    await request('/auth/guest', { method: 'POST', signal: options.signal });
    response = await request(path, options);
  }
  if (response.ok || response.status === 304) return response;
  // A proxy on the way may answer without a body of this API.
  const body = await response.json().catch(() => ({ error_code: `HTTP_${response.status}` }));
  throw new ApiError(body, response.status, Number(response.headers.get('Retry-After')) || 0);
}

function request(path, options) {
  return fetch(path, { credentials: 'same-origin', ...options }).catch(rethrow);
}

function readJson(response) {
  return response.json().catch(rethrow);
}

/** What `fetch` and a body's reader reject with is an abort, or a connection that does not work. */
function rethrow(error) {
  throw error.name === 'AbortError' ? error : connectionLost();
}

async function* jsonLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await unlessSilent(reader.read()).catch(rethrow);
      if (done) return;
      const lines = (rest + value).split('\n');
      // A line may come in pieces. What follows the last line break waits for its end.
      rest = lines.pop();
      for (const line of lines) if (line !== '') yield JSON.parse(line);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function unlessSilent(reading) {
  const { promise: silence, reject } = Promise.withResolvers();
  const timer = setTimeout(() => reject(connectionLost()), SILENCE_MS);
  return Promise.race([reading, silence]).finally(() => clearTimeout(timer));
}

function updateOf({ status, session_id, data, estimated_seconds, crisis_support }) {
  switch (status) {
    case 'starting':
      return accepted({ session_id, estimated_seconds, crisis_support });
    case 'persona_created':
      return { persona: data };
    case 'empathy_created':
      return { empathy: data };
    case 'reflection_created':
      return { reflection: data };
    default:
      // `cards_created` repeats both lists; what a later version adds is nothing to stop at.
      return {};
  }
}

function accepted({ session_id, estimated_seconds, crisis_support }) {
  return { sessionId: session_id, estimatedSeconds: estimated_seconds, crisisSupport: crisis_support };
}

/** Repeats `attempt` after passing faults, with growing pauses; each `progressed()` starts the count anew. */
async function persistently(signal, attempt) {
  let faults = 0;
  for (;;) {
    try {
      return await attempt(() => {
        faults = 0;
      });
    } catch (error) {
      if (!error.passing || ++faults > MAX_FAULTS) throw error;
      // Half of it by chance: those whom a restart cut off together do not come back together.
      const backoffMs = 250 * 2 ** (faults - 1) * (1 + Math.random());
      await pause(Math.max(error.retryAfterSeconds * 1000, backoffMs), signal);
    }
  }
}

function pause(ms, signal) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const abort = () => reject(signal.reason);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', abort, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}
