import { Router } from 'express';
import { openApiDocument } from './api-openapi.ts';
import {
  ApiError,
  apiErrorHandler,
  findingParamsSchema,
  jsonBody,
  muteSchema,
  parse,
  routeParamsSchema,
  toTraceQuery,
  traceParamsSchema,
  traceQuerySchema,
} from './api-requests.ts';
import type { Profiler } from './model.ts';

/** Where a trace and a route can be looked at elsewhere; undefined where there is no such place. */
export interface ProfilerLinks {
  readonly jaegerUrl: string | undefined;
  readonly grafanaUrl: string | undefined;
}

export interface ApiDependencies {
  readonly profiler: Profiler;
  readonly links: ProfilerLinks;
  /** What else is served under `/api`: profiles on demand, and what goes on at this moment. */
  readonly more: readonly Router[];
  readonly onMistake: (error: unknown) => void;
}

/** All that the page shows, as JSON. Whoever may not see it has been refused before. */
export function apiRoutes({ profiler, links, more, onMistake }: ApiDependencies): Router {
  const router = Router();
  const document = openApiDocument();

  router.get('/openapi.json', (_req, res) => void res.json(document));
  router.get('/overview', (_req, res) => void res.json(profiler.overview()));
  router.get('/store', (_req, res) => void res.json(profiler.store()));
  router.get('/self-cost', (_req, res) => void res.json(profiler.selfCost()));
  router.get('/links', (_req, res) => void res.json(links));

  router.get('/routes', (_req, res) => void res.json({ routes: profiler.routes() }));
  router.get('/routes/:route', (req, res) => {
    const { route } = parse(routeParamsSchema, req.params, 'path');
    res.json(found(profiler.route(route), 'route: has not been asked for since the start of the process'));
  });

  router.get('/traces', (req, res) => {
    res.json(profiler.traces(toTraceQuery(parse(traceQuerySchema, req.query, 'query'))));
  });
  router.get('/traces/:traceId', (req, res) => {
    const { traceId } = parse(traceParamsSchema, req.params, 'path');
    res.json(found(profiler.trace(traceId), 'traceId: not here, still under way, or evicted for newer ones'));
  });

  router.get('/findings', (_req, res) => void res.json({ findings: profiler.findings() }));
  router.post('/findings/:fingerprint/mute', jsonBody, (req, res) => {
    const { fingerprint } = parse(findingParamsSchema, req.params, 'path');
    const { reason } = parse(muteSchema, req.body, 'body');
    if (!profiler.mute(fingerprint, reason)) throw noFinding();
    res.status(204).end();
  });
  router.post('/findings/:fingerprint/unmute', (req, res) => {
    const { fingerprint } = parse(findingParamsSchema, req.params, 'path');
    if (!profiler.unmute(fingerprint)) throw noFinding();
    res.status(204).end();
  });

  for (const routes of more) router.use(routes);
  router.use(() => {
    throw new ApiError('NOT_FOUND', 'no such address: see /profiler/api/openapi.json');
  });
  router.use(apiErrorHandler(onMistake));
  return router;
}

function found<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new ApiError('NOT_FOUND', message);
  return value;
}

function noFinding(): ApiError {
  return new ApiError('NOT_FOUND', 'fingerprint: no such finding, or not muted');
}
