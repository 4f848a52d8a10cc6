import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Usage } from '../overhead/server.ts';
import { type Figure, figure, median } from '../support/figures.ts';
import { YOUNG_GENERATION } from '../support/young-generation.ts';

const SERVER = new URL('../overhead/server.ts', import.meta.url).pathname;
const VARIANTS = ['bare', 'layer', 'stock'] as const;
type Variant = (typeof VARIANTS)[number];

const PRELOADED: Readonly<Record<Variant, readonly string[]>> = {
  bare: [],
  layer: ['--import', './instrumentation.ts'],
  stock: ['--import', './bench/overhead/stock.ts'],
};

/** Each in each place and after each of the others: who comes next finds in the caches what the one before has left. */
const ORDERS: readonly (readonly Variant[])[] = [
  ['bare', 'layer', 'stock'],
  ['stock', 'layer', 'bare'],
  ['layer', 'stock', 'bare'],
  ['bare', 'stock', 'layer'],
  ['stock', 'bare', 'layer'],
  ['layer', 'bare', 'stock'],
];

/**
 * Requests before anything is measured: after a few thousand all three still compile, and the heap of the stock one has
 * not grown to what it needs, so that it seems to add a third more than it does in the long run.
 */
const WARM_UP = 20_000;
/**
 * Requests in one go: the young generation is collected every few hundred, and a round that has no collection in it, or
 * half of the time one, tells of chance.
 */
const REQUESTS = 1_500;
/**
 * Times that all is started anew, with a round in each order: where the code of a process happens to lie, and how the
 * engine has compiled it, makes a tenth of a request's time.
 */
const STARTS = 5;

interface Watched extends AsyncDisposable {
  readonly url: string;
  cpuMicros(): Promise<number>;
}

/** Microseconds of one request: processor time of the server, and what the client waits for at the median. */
interface Cost {
  readonly cpu: number;
  readonly wait: number;
}

type Round = Readonly<Record<Variant, Cost>>;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/**
 * What the profiling layer adds to a request, against what the stock instrumentations add: three processes that differ
 * in nothing else, each asked in turn, with a collector that takes what they send. Processor time is what counts:
 * waiting for an answer is part of the noise of the machine.
 */
export async function run(): Promise<Figure[]> {
  await using collector = await startCollector();
  const gets: Round[] = [];
  const posts: Round[] = [];
  for (let start = 0; start < STARTS; start++) {
    await using bare = await startServer('bare', collector.url);
    await using layer = await startServer('layer', collector.url);
    await using stock = await startServer('stock', collector.url);
    const servers = { bare, layer, stock };
    gets.push(...(await measure('GET', servers)));
    posts.push(...(await measure('POST', servers)));
  }
  return [...figuresOf('GET of a small JSON', gets), ...figuresOf('POST with four steps', posts)];
}

async function measure(
  method: 'GET' | 'POST',
  servers: Readonly<Record<Variant, Watched>>,
): Promise<readonly Round[]> {
  // In turns as well: one that has to wait for seconds gives memory back and drops code that it needs again.
  for (let asked = 0; asked < WARM_UP; asked += REQUESTS) {
    for (const variant of VARIANTS) await askFor(servers[variant], method, REQUESTS);
  }
  const rounds: Round[] = [];
  for (const order of ORDERS) {
    const round: Partial<Record<Variant, Cost>> = {};
    for (const variant of order) round[variant] = await askFor(servers[variant], method, REQUESTS);
    rounds.push(round as Round);
  }
  return rounds;
}

function figuresOf(name: string, rounds: readonly Round[]): Figure[] {
  /** Against the bare server in the same round. */
  const added = (variant: Variant, what: keyof Cost) =>
    median(rounds.map((round) => round[variant][what] - round.bare[what]));
  return [
    figure(`${name}, bare Express: processor time`, median(rounds.map(({ bare }) => bare.cpu)), 'µs'),
    figure(`${name}: the stock instrumentations add`, added('stock', 'cpu'), 'µs'),
    figure(`${name}: the profiling layer adds`, added('layer', 'cpu'), 'µs'),
    figure(`${name}: layer against stock`, added('layer', 'cpu') / added('stock', 'cpu'), '×', '≤ 0.25 ×'),
    figure(
      `${name}: layer against stock, time to the answer`,
      added('layer', 'wait') / added('stock', 'wait'),
      '×',
    ),
  ];
}

async function askFor(server: Watched, method: 'GET' | 'POST', count: number): Promise<Cost> {
  const waits: number[] = [];
  const before = await server.cpuMicros();
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    await ask(server.url, method);
    waits.push((performance.now() - startedAt) * 1_000);
  }
  return { cpu: ((await server.cpuMicros()) - before) / count, wait: median(waits) };
}

async function ask(url: string, method: 'GET' | 'POST'): Promise<void> {
  const [path, headers, body] =
    method === 'GET'
      ? ['/things/7', {}, undefined]
      : ['/things', { 'Content-Type': 'application/json' }, '{"a":1}'];
  await new Promise<void>((resolve, reject) => {
    request(url + path, { agent, method, headers }, (response) => {
      response.resume().on('end', resolve).on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}

async function startServer(variant: Variant, collector: string): Promise<Watched> {
  const child = fork(SERVER, {
    execArgv: [YOUNG_GENERATION, ...PRELOADED[variant], ...(process.env.BENCH_NODE_FLAGS?.split(' ') ?? [])],
    env: {
      PATH: process.env.PATH,
      BENCH_VARIANT: variant,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    },
  });
  const [url] = (await once(child, 'message')) as [string];
  return {
    url,
    async cpuMicros() {
      const answer = once(child, 'message') as Promise<[Usage]>;
      child.send('usage');
      return (await answer)[0].cpuMicros;
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** Takes whatever is sent and keeps nothing. */
async function startCollector() {
  const server = createServer((req, res) => {
    req.resume().on('end', () => res.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
