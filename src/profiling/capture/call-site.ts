import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Frames that are looked through: a query builder puts a dozen of its own above the application's. */
const FRAMES = 40;

/** The profiler itself is never the place that is looked for. */
const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url));

/**
 * `file:line` of the application's innermost frame, relative to the working folder, also across `await`. Costs some
 * tens of microseconds: for what has turned out to be worth it.
 */
export function captureCallSite(): string | undefined {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  Error.captureStackTrace(holder, captureCallSite);
  const stack = String(holder.stack);
  Error.stackTraceLimit = limit;
  return applicationFrame(stack);
}

/** A frame as V8 writes it, of a file: `    at async name (file:///folder/file.ts:12:34)`. */
const FRAME = /^\s+at (?:.*\()?(?:async )?((?:file:\/\/)?\/[^()]+|[A-Z]:\\[^()]+):(\d+):\d+\)?$/;

function applicationFrame(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    const [, location, number] = FRAME.exec(line) ?? [];
    if (location === undefined || location.includes('node_modules')) continue;
    const path = location.startsWith('file:') ? fileURLToPath(location) : location;
    if (path.startsWith(OWN_FOLDER)) continue;
    return `${relative(process.cwd(), path).split(sep).join('/')}:${number}`;
  }
  return undefined;
}
