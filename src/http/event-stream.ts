import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { SessionEvent, StepDelta } from '../domain/session-events.ts';
import type { StreamFormat } from '../sessions/session-metrics.ts';

const CONTENT_TYPES: Record<StreamFormat, string> = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  sse: 'text/event-stream; charset=utf-8',
};

/** A line of the stream: an event as the client reads it, or one without `seq` that is about the stream itself. */
export interface StreamLine {
  readonly status: string;
  readonly seq?: number;
  readonly [field: string]: unknown;
}

export interface EventStreamOptions {
  /** HTTP status of the answer. */
  readonly status: number;
  readonly format: StreamFormat;
  /** Must end by itself when `signal` is aborted. */
  readonly events: AsyncGenerator<SessionEvent | StepDelta, void, void>;
  readonly toLine: (event: SessionEvent | StepDelta) => Promise<StreamLine>;
  /** The last line, for what ended the events before their time; undefined when nobody is there to read it. */
  readonly toLastLine: (error: unknown) => StreamLine | undefined;
  /** Milliseconds of silence after which a line says that the stream is alive. */
  readonly heartbeatMs: number;
}

/**
 * Writes events to the client as they happen. The next one is only taken once the client has read: a slow reader
 * holds one line here, and what its follower's bounded inbox holds.
 */
export async function sendEventStream(res: ServerResponse, options: EventStreamOptions): Promise<void> {
  res.writeHead(options.status, {
    'Content-Type': CONTENT_TYPES[options.format],
    'Cache-Control': 'no-store',
    // Asks nginx and those like it not to collect the lines.
    'X-Accel-Buffering': 'no',
  });
  // Without it the client would not know that it is connected before the first event.
  res.flushHeaders();
  try {
    await pipeline(chunks(options), res);
  } catch (error) {
    // The client left, which is its right; every other end was told in the last line.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

async function* chunks(options: EventStreamOptions): AsyncGenerator<string, void, void> {
  const { format, toLine, toLastLine } = options;
  try {
    for await (const event of withHeartbeat(options)) {
      yield encode(format, event === HEARTBEAT ? { status: 'heartbeat' } : await toLine(event));
    }
  } catch (error) {
    const line = toLastLine(error);
    if (line) yield encode(format, line);
  }
}

const HEARTBEAT = Symbol('heartbeat');

async function* withHeartbeat({ events, heartbeatMs }: EventStreamOptions) {
  let next = events.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<typeof HEARTBEAT>((resolve) => {
      timer = setTimeout(() => resolve(HEARTBEAT), heartbeatMs);
    });
    const winner = await Promise.race([next, silence]).finally(() => clearTimeout(timer));
    if (winner === HEARTBEAT) yield HEARTBEAT;
    else if (winner.done) return;
    else {
      yield winner.value;
      next = events.next();
    }
  }
}

function encode(format: StreamFormat, line: StreamLine): string {
  const json = JSON.stringify(line);
  if (format === 'ndjson') return `${json}\n`;
  const id = line.seq === undefined ? '' : `id: ${line.seq}\n`;
  return `${id}data: ${json}\n\n`;
}
