import { trace } from '@opentelemetry/api';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
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
export function profileHeaders({ access, pageUrl }: ProfileHeaderOptions): RequestHandler {
  const link = (_req: Request, res: Response, next: NextFunction): void => {
    seesTimings.add(res);
    const traceId = trace.getActiveSpan()?.spanContext().traceId;
    if (traceId !== undefined) res.set('X-Profile-Link', `${pageUrl}/#/traces/${traceId}`);
    addTotal(res);
    next();
  };
  if (access.isOpen) return link;
  return async (req, res, next) => {
    if ((await access.checkBearer(req)).access === 'granted') link(req, res, next);
    else next();
  };
}

const seesTimings = new WeakSet<Response>();

/** Whether the client of this answer may be told how long its parts took. */
export function maySeeTimings(res: Response): boolean {
  return seesTimings.has(res);
}

/** At the last moment at which a header can be set: Node calls `writeHead` itself where the application does not. */
function addTotal(res: Response): void {
  const startedAt = performance.now();
  const writeHead = res.writeHead;
  res.writeHead = ((...head: Parameters<typeof writeHead>) => {
    res.writeHead = writeHead;
    const total = `total;dur=${(performance.now() - startedAt).toFixed(1)}`;
    const parts = res.getHeader('Server-Timing');
    res.setHeader('Server-Timing', parts ? `${parts}, ${total}` : total);
    return writeHead.apply(res, head);
  }) as typeof writeHead;
}
