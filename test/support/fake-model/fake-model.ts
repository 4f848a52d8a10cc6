import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { answerTo, type Part, partOf } from './answer.ts';
import { gemini } from './gemini.ts';
import { openai } from './openai.ts';
import type { ModelRequest, Protocol } from './protocol.ts';

/** What a call meets instead of a good answer. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** The connection ends, before the first word or in the middle of the answer. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'middle' }
  | { readonly kind: 'hang'; readonly when: 'before' | 'middle' }
  | { readonly kind: 'blocked' }
  /** Ends in the middle, as if at the most tokens that it may write. */
  | { readonly kind: 'truncated' }
  /** This instead of what was asked for. */
  | { readonly kind: 'says'; readonly text: string }
  /** The answer, changed. */
  | { readonly kind: 'changed'; readonly change: (answer: never) => unknown };

export interface Call extends ModelRequest {
  readonly part: Part;
  /** 1 for the first call for this part. */
  readonly number: number;
  readonly startedAt: number;
  /** When the first words left, of what is streamed. */
  firstWordsAt: number | undefined;
  endedAt: number | undefined;
  /** The client did not wait for the end. */
  aborted: boolean;
}

/** How fast it writes. Functions, so that they can be distributions. */
export interface Pace {
  /** Milliseconds until the first words. */
  readonly firstTokenMs: () => number;
  readonly tokensPerSecond: () => number;
}

export interface FakeModelOptions {
  readonly pace?: Pace;
  /** Called for each call; undefined is a good answer. */
  readonly behave?: (call: Call) => Fault | undefined;
}

export interface FakeModel extends AsyncDisposable {
  /** What goes into LLM_BASE_URL for this protocol. */
  baseUrl(protocol: Protocol['name']): string;
  readonly calls: Call[];
  /** What the real providers would have refused. */
  readonly badRequests: string[];
  /** TCP connections that were made. */
  connections(): number;
  /** From now on. */
  behave(behaviour: (call: Call) => Fault | undefined): void;
  /** Resolves once `condition` holds; asked whenever a call begins or ends. */
  until(condition: () => boolean): Promise<void>;
}

const AT_ONCE: Pace = { firstTokenMs: () => 0, tokensPerSecond: () => Number.POSITIVE_INFINITY };

/** Characters that come as one token. */
const TOKEN_LENGTH = 3;
/** Milliseconds between two pieces of an answer. */
const TICK_MS = 20;

/**
 * A language model's server that speaks both protocols, with answers that meet the schema that they are asked for.
 * It says of a failed request what the request said, as the real ones do: nothing of that may be logged.
 */
export async function startFakeModel(options: FakeModelOptions = {}): Promise<FakeModel> {
  const { pace = AT_ONCE } = options;
  let { behave = () => undefined } = options;
  const calls: Call[] = [];
  const badRequests: string[] = [];
  let watchers: (() => void)[] = [];
  let connections = 0;

  const changed = () => {
    for (const watcher of watchers.splice(0)) watcher();
  };

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const protocol = req.url?.startsWith(`${openai.basePath}/`) ? openai : gemini;
    const body = await json(req);
    let request: ModelRequest;
    try {
      request = protocol.read(req, body);
    } catch (error) {
      badRequests.push((error as Error).message);
      refuse(res, protocol, 400, JSON.stringify(body));
      return;
    }
    const part = partOf(request.schema);
    const number = calls.filter((call) => call.part === part).length + 1;
    const startedAt = performance.now();
    const times = { startedAt, firstWordsAt: undefined, endedAt: undefined };
    const call: Call = { ...request, part, number, ...times, aborted: false };
    calls.push(call);
    res.on('close', () => {
      call.endedAt = performance.now();
      call.aborted = !res.writableFinished;
      changed();
    });
    changed();
    await answer(res, protocol, call, behave(call));
  }

  async function answer(
    res: ServerResponse,
    protocol: Protocol,
    call: Call,
    fault: Fault | undefined,
  ): Promise<void> {
    const { schema, system, user, stream } = call;
    if (fault?.kind === 'status') {
      if (fault.retryAfterSeconds !== undefined) res.setHeader('Retry-After', fault.retryAfterSeconds);
      refuse(res, protocol, fault.status, `cannot answer: ${user}`, fault.retryAfterSeconds);
      return;
    }
    if (fault?.kind === 'hang' && fault.when === 'before') return;
    if (fault?.kind === 'cut' && fault.when === 'before') {
      res.destroy();
      return;
    }
    const text = textFor(schema, fault);
    const usage = { input: Math.ceil((system + user).length / TOKEN_LENGTH), output: tokensIn(text) };
    const finish = fault?.kind === 'blocked' ? 'blocked' : fault?.kind === 'truncated' ? 'length' : 'stop';
    const shown = fault && ['cut', 'hang', 'truncated'].includes(fault.kind) ? half(text) : text;

    await delay(pace.firstTokenMs());
    if (!stream) {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(protocol.whole(shown, finish, usage)));
      return;
    }
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for await (const piece of piecesOf(shown, pace.tokensPerSecond())) {
      if (res.destroyed) return;
      call.firstWordsAt ??= performance.now();
      send(res, protocol.piece(piece));
    }
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'cut') {
      res.destroy();
      return;
    }
    for (const event of protocol.end(finish, usage)) send(res, event);
    res.end();
  }

  const server = createServer((req, res) => {
    handle(req, res).catch((error) => res.destroy(error));
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    baseUrl: (name) => origin + (name === 'google' ? gemini : openai).basePath,
    calls,
    badRequests,
    connections: () => connections,
    behave(behaviour) {
      behave = behaviour;
    },
    async until(condition) {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          watchers = [...watchers, resolve];
        });
      }
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function textFor(schema: ModelRequest['schema'], fault: Fault | undefined): string {
  if (fault?.kind === 'says') return fault.text;
  const answer = answerTo(schema);
  return JSON.stringify(fault?.kind === 'changed' ? fault.change(answer as never) : answer);
}

function refuse(
  res: ServerResponse,
  protocol: Protocol,
  status: number,
  message: string,
  retryAfterSeconds?: number,
): void {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(protocol.error(status, message, retryAfterSeconds)));
}

function send(res: ServerResponse, event: object | string): void {
  res.write(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
}

function half(text: string): string {
  return text.slice(0, text.length / 2);
}

function tokensIn(text: string): number {
  return Math.ceil(text.length / TOKEN_LENGTH);
}

async function* piecesOf(text: string, tokensPerSecond: number): AsyncGenerator<string> {
  const startedAt = performance.now();
  for (let sent = 0; sent < text.length; ) {
    const seconds = (performance.now() - startedAt + TICK_MS) / 1000;
    const due = Math.min(
      text.length,
      Math.max(sent + 1, Math.floor(seconds * tokensPerSecond * TOKEN_LENGTH)),
    );
    yield text.slice(sent, due);
    sent = due;
    if (sent < text.length) await delay(TICK_MS);
  }
}
