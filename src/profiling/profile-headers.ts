import { trace } from '@opentelemetry/api';
import type { NextFunction, Request, Response } from 'express';
import type { Access } from './access.ts';

export interface ProfileHeaderOptions {
  readonly access: Access;
  /** Where the profiler's page is, with its path. */
  readonly pageUrl: string;
}

/**
 * `X-Profile-Link` to the request's own trace and `Server-Timing` with the whole of it, for whoever may see the
 * profiler: everybody where it is open, else who sends its token as `Authorization: Bearer`. Has to come after the
 * server span.
 */
export function profileHeaders({ access, pageUrl }: ProfileHeaderOptions) {
  return async (req: Request, res: Response, next: NextFunction): Promise<void> => {
    const startedAt = performance.now();
    const traceId = trace.getActiveSpan()?.spanContext().traceId;
    if ((await access.checkBearer(req)).access === 'granted') {
      seesTimings.add(res);
      if (traceId !== undefined) res.set('X-Profile-Link', `${pageUrl}/#/traces/${traceId}`);
      beforeHeaders(res, () => {
        const total = `total;dur=${(performance.now() - startedAt).toFixed(1)}`;
        const others = res.getHeader('Server-Timing');
        res.setHeader('Server-Timing', others ? `${others}, ${total}` : total);
      });
    }
    next();
  };
}

const seesTimings = new WeakSet<Response>();

/** Whether the client of this answer may be told how long its parts took. */
export function maySeeTimings(res: Response): boolean {
  return seesTimings.has(res);
}

/** Node calls `writeHead` itself where the application does not. */
function beforeHeaders(res: Response, set: () => void): void {
  const writeHead = res.writeHead;
  res.writeHead = ((...head: Parameters<typeof writeHead>) => {
    res.writeHead = writeHead;
    set();
    return writeHead.apply(res, head);
  }) as typeof writeHead;
}
