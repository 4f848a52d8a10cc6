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
const FRAME = /^\s+at (async )?(?:.*\()?(?:async )?((?:file:\/\/)?\/[^()]+|[A-Z]:\\[^()]+):(\d+):\d+\)?$/;

/**
 * The innermost frame of the application. Not one that stands between those of libraries (a wrapper around a driver
 * that a query builder calls) while the code that awaits the query builder is there too.
 */
function applicationFrame(stack: string): string | undefined {
  let innermost: string | undefined;
  let isCalledByLibrary = false;
  for (const line of stack.split('\n')) {
    const [, isAwaiting, location, number] = FRAME.exec(line) ?? [];
    if (location === undefined) continue;
    const path = location.startsWith('file:') ? fileURLToPath(location) : location;
    if (path.includes('node_modules')) {
      if (innermost !== undefined) isCalledByLibrary = true;
      continue;
    }
    if (path.startsWith(OWN_FOLDER)) continue;
    const frame = `${relative(process.cwd(), path).split(sep).join('/')}:${number}`;
    if (innermost === undefined) innermost = frame;
    else if (isCalledByLibrary && isAwaiting) return frame;
    if (isAwaiting) break;
  }
  return innermost;
}
