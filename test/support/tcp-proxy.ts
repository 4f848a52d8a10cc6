import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Stands between a client and a server on this machine and makes the network between them bad. It starts good;
 * each method takes effect at once, on open connections and on new ones.
 */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** `url` with this proxy's host and port: what the client is given instead. */
  through(url: string): string;
  /** Nobody there: resets every connection and refuses new ones. */
  cut(): void;
  /** Nobody answers: keeps connections and accepts new ones, but not a byte passes in either direction. */
  hang(): void;
  /** Forgets what is open, as a machine on the way may: not a byte passes there again. New connections are good. */
  silence(): void;
  /** Far away: what passes is held for this long, in each direction or in that of answers alone; order is kept. */
  delay(ms: number, direction?: 'both' | 'answers'): void;
  /** Good again, on the same port. What was held by `hang` arrives now, late; what was cut stays cut. */
  restore(): Promise<void>;
}

/** A proxy on a free port of loopback, in front of `targetPort`. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let gate = openGate();
  let memory = { gate: openGate() };
  const forgotten: Gate[] = [];
  const delayMs = { requests: 0, answers: 0 };

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  const held = (direction: keyof typeof delayMs, connection: typeof memory) =>
    async function* (source: AsyncIterable<Arrival>) {
      for await (const { chunk, atMs } of source) {
        const leftMs = atMs + delayMs[direction] - performance.now();
        if (delayMs[direction] > 0 && leftMs > 0) await sleep(leftMs);
        await gate.passable;
        await connection.gate.passable;
        yield chunk;
      }
      // The end of a connection is news as well.
      await gate.passable;
      await connection.gate.passable;
    };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    keep(client);
    keep(target);
    const bothWays = [
      pipeline(client, arrivals(), held('requests', memory), target),
      pipeline(target, arrivals(), held('answers', memory), client),
    ];
    // When one way breaks, both ends are destroyed: that is what the other side is told.
    for (const way of bothWays) {
      way.catch(() => {
        client.destroy();
        target.destroy();
      });
    }
  });
  let listening: Promise<void> | undefined = listen(server, 0);
  await listening;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;

  function cut(): void {
    listening = undefined;
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port,
    through(url) {
      const proxied = new URL(url);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(port);
      return proxied.href;
    },
    cut,
    hang() {
      if (gate.isOpen) gate = closedGate();
    },
    silence() {
      memory.gate = closedGate();
      forgotten.push(memory.gate);
      memory = { gate: openGate() };
    },
    delay(ms, direction = 'both') {
      delayMs.answers = ms;
      delayMs.requests = direction === 'both' ? ms : 0;
    },
    async restore() {
      delayMs.answers = 0;
      delayMs.requests = 0;
      gate.open();
      gate = openGate();
      listening ??= listen(server, port);
      await listening;
    },
    async [Symbol.asyncDispose]() {
      cut();
      gate.open();
      for (const closed of forgotten) closed.open();
    },
  };
}

interface Arrival {
  readonly chunk: Buffer;
  readonly atMs: number;
}

/** Chunks that are on their way at the same time. */
const ON_THE_WAY = 64;

/** What comes, with its time: a large answer comes in many chunks, which do not wait one after the other. */
function arrivals(): Transform {
  return new Transform({
    readableObjectMode: true,
    readableHighWaterMark: ON_THE_WAY,
    transform(chunk: Buffer, _encoding, done) {
      done(null, { chunk, atMs: performance.now() } satisfies Arrival);
    },
  });
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

interface Gate {
  readonly isOpen: boolean;
  readonly passable: Promise<void>;
  readonly open: () => void;
}

function openGate(): Gate {
  return { isOpen: true, passable: Promise.resolve(), open: () => {} };
}

function closedGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { isOpen: false, passable: promise, open: resolve };
}
