import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { newGuests, openSession, SESSIONS, textOf } from '../support/client.ts';
import { type Figure, figure, median, timed } from '../support/figures.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { YOUNG_GENERATION } from '../support/young-generation.ts';

const CONNECTIONS = 8;
const REQUESTS = 2_000;
/** Requests before anything is counted: until then both still compile, and the one with more code for longer. */
const WARM_UP = 30_000;
const ROUNDS = 7;
const WARM_GUESTS = 64;

/** The service with caches as its clients see it: profiling on, a process of its own. */
export async function measureOverHttp(databaseUrl: string): Promise<Figure[]> {
  await using service = await startServiceProcess({
    env: {
      DATABASE_URL: databaseUrl,
      SESSION_CONCURRENCY: '256',
      // As it serves the public: without the headers that developers get.
      NODE_ENV: 'production',
      RATE_LIMIT_PER_MINUTE: '0',
    },
  });
  return [...(await measureShared(service.url)), ...(await measureFinished(service.url))];
}

/** The first session of users who wrote nothing: the text of another one, or one of their own. */
async function measureShared(url: string): Promise<Figure[]> {
  // All eight texts of the tag are there after as many as these.
  const guests = await newGuests(url, WARM_GUESTS + 2 * ROUNDS);
  const post = async (context?: null) => textOf(await openSession(url, guests.pop() ?? '', {}, context));
  await Promise.all(Array.from({ length: WARM_GUESTS }, () => post(null)));
  const shared: number[] = [];
  const own: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    shared.push(await timed(() => post(null)));
    own.push(await timed(() => post()));
  }
  return [
    figure('session without words, cached', median(shared), 'ms'),
    figure('session with words, its sources cached', median(own), 'ms'),
    figure('with words against without', median(own) / median(shared), '×'),
  ];
}

/** GET of a finished session against a bare Express that sends the same JSON. */
async function measureFinished(url: string): Promise<Figure[]> {
  const [cookie = ''] = await newGuests(url, 1);
  const body = await textOf(await openSession(url, cookie, {}));
  const path = `${SESSIONS}/${JSON.parse(body).session_id}`;
  const bare = fork(new URL('./bare-express.ts', import.meta.url).pathname, { execArgv: [YOUNG_GENERATION] });
  try {
    bare.send(body);
    const [bareUrl] = (await once(bare, 'message')) as [string];
    const rates = { service: [] as number[], bare: [] as number[] };
    for (const each of [url + path, bareUrl]) await requestsPerSecond(each, cookie, WARM_UP);
    for (let round = 0; round < ROUNDS; round++) {
      rates.service.push(await requestsPerSecond(url + path, cookie));
      rates.bare.push(await requestsPerSecond(bareUrl, cookie));
    }
    return [
      figure('GET of a finished session', median(rates.service), 'requests/s'),
      figure('bare Express, the same JSON', median(rates.bare), 'requests/s'),
      figure(
        'GET of a finished session against bare Express',
        median(rates.service) / median(rates.bare),
        '×',
        '≥ 0.6 ×',
      ),
    ];
  } finally {
    bare.kill();
  }
}

async function requestsPerSecond(url: string, cookie: string, requests = REQUESTS): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const get = () =>
    new Promise<void>((resolve, reject) => {
      request(url, { agent, headers: { Cookie: cookie } }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode} instead of 200`));
        response.resume().once('end', resolve);
      })
        .once('error', reject)
        .end();
    });
  const client = async () => {
    for (let count = 0; count < requests / CONNECTIONS; count++) await get();
  };
  const ms = await timed(() => Promise.all(Array.from({ length: CONNECTIONS }, client)));
  agent.destroy();
  return (requests / ms) * 1_000;
}
