import { Agent, type IncomingMessage, request } from 'node:http';

/** Each request on a connection of its own, as from as many users, and as many as are asked for. */
const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });

/** Milliseconds: no measurement waits for longer, whatever goes wrong. */
const REQUEST_LIMIT_MS = 90_000;

export const SESSIONS = '/api/v1/meari/sessions';

export interface RequestOptions {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** A client with little work of its own: it shares the machine with what it measures. */
export function open(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body } = options;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const type = text === undefined ? {} : { 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    request(url, { agent, method, headers: { ...type, ...headers }, signal }, resolve)
      .on('error', reject)
      .end(text);
  });
}

let opened = 0;

/** @param userContext by default new words each time: without any, sessions share texts that are written once. */
export async function openSession(
  url: string,
  cookie: string,
  headers: Readonly<Record<string, string>>,
  userContext: string | null = `매일 야근해요 ${++opened}`,
): Promise<IncomingMessage> {
  return open(url + SESSIONS, {
    method: 'POST',
    headers: { Cookie: cookie, ...headers },
    body: { selected_tag_id: 2, user_context: userContext },
  });
}

export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

/** The lines of an NDJSON answer, each as soon as it is there. */
export async function* linesOf(response: IncomingMessage): AsyncGenerator<{ readonly status: string }> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
    }
  }
}

/** Accepts a session and comes back for it later: its id. */
export async function startSession(url: string, cookie: string): Promise<string> {
  const response = await openSession(url, cookie, { Prefer: 'respond-async' });
  const text = await textOf(response);
  if (response.statusCode !== 202) throw new Error(`${response.statusCode} instead of 202: ${text}`);
  return JSON.parse(text).session_id;
}

/** Cookies of new guests. */
export async function newGuests(url: string, count: number): Promise<string[]> {
  const cookies: string[] = [];
  while (cookies.length < count) {
    const batch = Math.min(8, count - cookies.length);
    cookies.push(...(await Promise.all(Array.from({ length: batch }, () => newGuest(url)))));
  }
  return cookies;
}

async function newGuest(url: string): Promise<string> {
  const response = await open(`${url}/auth/guest`, { method: 'POST' });
  await textOf(response);
  return response.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}
