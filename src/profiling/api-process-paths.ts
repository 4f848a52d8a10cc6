import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { json, operation } from './api-operation.ts';
import {
  liveSchema,
  profileErrorSchema,
  profileReportSchema,
  profileSchema,
  profilesSchema,
} from './api-process-schemas.ts';
import { reportQuery, startQuery } from './cpu/routes.ts';

const profileParams = {
  path: z.object({ id: z.string().meta({ description: 'Of the list of profiles.' }) }),
};
const running = json('It has not ended: ask again after `Retry-After`.', profileSchema);
const error = (description: string) => json(description, profileErrorSchema);

function file(operationId: string, summary: string, type: string) {
  return operation(
    operationId,
    summary,
    {
      200: { description: 'The file.', content: { [type]: {} } },
      202: running,
      404: error('No such profile, or it has no samples in time.'),
    },
    { requestParams: profileParams },
  );
}

/** Profiles on demand and the live snapshot, in the API's description. */
export const PROCESS_PATHS: ZodOpenApiPathsObject = {
  '/profiles': {
    get: operation('listProfiles', 'The last profiles', { 200: json('The profiles.', profilesSchema) }),
    post: operation(
      'startProfile',
      'Start a profile: of 1 to 30 seconds, one at a time',
      {
        202: json('It runs; `Location` has its address.', profileSchema),
        400: error('`field` is wrong.'),
        409: error('Another one runs; see `Retry-After`.'),
        501: error('The native sampler does not work here.'),
      },
      { requestParams: { query: startQuery } },
    ),
  },
  '/profiles/{id}': {
    get: operation(
      'getProfile',
      'A finished profile: functions, flame graph, and what each step took',
      {
        200: json('The report.', profileReportSchema),
        202: running,
        400: error('`field` is wrong.'),
        404: error('No such profile: only the last ones are kept.'),
      },
      { requestParams: { ...profileParams, query: reportQuery } },
    ),
  },
  '/profiles/{id}.cpuprofile': {
    get: file('getCpuProfileFile', 'For DevTools and VS Code', 'application/json'),
  },
  '/profiles/{id}.pb.gz': { get: file('getPprofFile', 'For pprof and its kin', 'application/gzip') },
  '/live': {
    get: operation('getLive', 'How the process is doing, at the moment and in the last minute', {
      200: json('The snapshot.', liveSchema),
    }),
  },
};
