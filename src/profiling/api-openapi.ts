import { z } from 'zod';
import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import { json, operation } from './api-operation.ts';
import { PROCESS_PATHS } from './api-process-paths.ts';
import {
  findingParamsSchema,
  muteSchema,
  routeParamsSchema,
  traceParamsSchema,
  traceQuerySchema,
} from './api-requests.ts';
import {
  findingsSchema,
  overviewSchema,
  routeDetailSchema,
  routesSchema,
  selfCostSchema,
  storeSchema,
  traceDetailSchema,
  tracePageSchema,
} from './api-schemas.ts';

const linksSchema = z
  .strictObject({ jaegerUrl: z.url().optional(), grafanaUrl: z.url().optional() })
  .meta({ id: 'Links' });

const finding = { requestParams: { path: findingParamsSchema } };
const done = { 204: { description: 'Done.' } };

const PATHS: ZodOpenApiPathsObject = {
  '/overview': {
    get: operation('getOverview', 'The bottleneck, by name, and what else matters', {
      200: json('The overview.', overviewSchema),
    }),
  },
  '/routes': {
    get: operation('listRoutes', 'Every route, the one that takes most time in all first', {
      200: json('The routes.', routesSchema),
    }),
  },
  '/routes/{route}': {
    get: operation(
      'getRoute',
      "One route: each step's share of its critical path, findings, slowest traces",
      { 200: json('The route.', routeDetailSchema) },
      { requestParams: { path: routeParamsSchema } },
      [404],
    ),
  },
  '/traces': {
    get: operation(
      'listTraces',
      'Traces that are kept, by filters',
      { 200: json('The traces.', tracePageSchema) },
      { requestParams: { query: traceQuerySchema } },
      [400],
    ),
  },
  '/traces/{traceId}': {
    get: operation(
      'getTrace',
      'One trace as a waterfall, with its critical path, waits and gaps',
      { 200: json('The trace.', traceDetailSchema) },
      { requestParams: { path: traceParamsSchema } },
      [400, 404],
    ),
  },
  '/findings': {
    get: operation('listFindings', 'What should be mended, the worst first; muted ones last', {
      200: json('The findings.', findingsSchema),
    }),
  },
  '/findings/{fingerprint}/mute': {
    post: operation(
      'muteFinding',
      'Take a finding out of verdicts until the process ends',
      done,
      {
        ...finding,
        requestBody: { required: true, content: { 'application/json': { schema: muteSchema } } },
      },
      [400, 404],
    ),
  },
  '/findings/{fingerprint}/unmute': {
    post: operation('unmuteFinding', 'Take it back', done, finding, [404]),
  },
  '/store': {
    get: operation('getStore', 'What is kept, and what was dropped', {
      200: json('The store.', storeSchema),
    }),
  },
  '/self-cost': {
    get: operation('getSelfCost', 'What the profiler itself takes', {
      200: json('Its cost.', selfCostSchema),
    }),
  },
  '/links': {
    get: operation('getLinks', 'Where traces and routes can be looked at elsewhere', {
      200: json('The addresses.', linksSchema),
    }),
  },
};

/** The description of the profiler's API, from the schemas that its answers are held to. */
export function openApiDocument() {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Profiler API',
      version: '1.0.0',
      description: 'Where the time of this process goes. Times are milliseconds, shares parts of 1.',
    },
    servers: [{ url: '/profiler/api' }],
    security: [{}, { token: [] }, { cookie: [] }],
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'profiler' },
      },
    },
    paths: { ...PATHS, ...PROCESS_PATHS },
  });
}
