import { z } from 'zod';
import { described, type Fields } from './api-described.ts';
import type * as model from './model.ts';

/** What the core answers: routes, traces and findings. */

const milliseconds = z.number().meta({ description: 'Milliseconds.' });
const epoch = z.number().meta({ description: 'Milliseconds since the epoch.' });
const share = z.number().meta({ description: 'A part of 1.' });
const count = z.int();
const text = z.string();
const ids = z.array(text);

export const ruleSchema = z.enum([
  'n-plus-one',
  'redundant-reads',
  'redis-n-plus-one',
  'http-n-plus-one',
  'sequential-steps',
  'slow-statement',
  'pool-exhausted',
  'model-dominates',
  'identical-prompts',
  'cache-not-paying',
  'event-loop-blocked',
] satisfies model.RuleId[]);

export const statusSchema = z.enum(['ok', 'error']);

const waitSchema = z.enum(['pool', 'queue', 'limiter']);
const attributesSchema = z.record(text, z.union([text, z.number(), z.boolean(), ids]));

const finding = described<model.Finding>('Finding', {
  rule: ruleSchema,
  severity: z.enum(['info', 'warning', 'critical']),
  title: text,
  evidence: z.record(text, z.union([text, z.number(), ids])),
  callSite: text.optional().meta({ description: '`file:line`, relative to the folder of the application.' }),
  route: text,
  step: text.optional(),
  about: ids,
  count,
  timeMs: milliseconds,
  savingMs: milliseconds.optional(),
  traceId: text.optional(),
  spanIds: ids,
  fingerprint: text,
});

const findingGroup = described<model.FindingGroup>('FindingGroup', {
  fingerprint: text,
  worst: finding,
  occurrences: count,
  firstSeenAt: epoch,
  lastSeenAt: epoch,
  traceIds: ids,
  mutedReason: text.optional(),
});

const traceFields: Fields<model.TraceSummary> = {
  traceId: text,
  route: text,
  startedAt: epoch,
  durationMs: milliseconds,
  totalMs: milliseconds,
  status: statusSchema,
  httpStatus: count.optional(),
  spans: count,
  statements: count,
  findings: ids,
  pinned: z.enum(['slow', 'error']).optional(),
  continuesElsewhere: z.boolean(),
  unfinished: z.boolean(),
  droppedSpans: count,
};

const traceSummary = described<model.TraceSummary>('TraceSummary', traceFields);

const waterfallRow = described<model.WaterfallRow>('WaterfallRow', {
  id: text,
  parentId: text.optional(),
  name: text,
  kind: z.enum(['internal', 'server', 'client', 'producer', 'consumer']),
  step: text.optional(),
  startMs: milliseconds,
  durationMs: milliseconds,
  status: statusSchema,
  attributes: attributesSchema,
  events: z.array(
    described<model.SpanEvent>('SpanEvent', { name: text, atMs: milliseconds, attributes: attributesSchema }),
  ),
  callSite: text.optional(),
  depth: count,
  selfMs: milliseconds,
  wait: waitSchema.optional(),
  criticalMs: milliseconds,
});

const stretch = { spanId: text, startMs: milliseconds, durationMs: milliseconds };

const unitOfWork = described<model.UnitOfWork>('UnitOfWork', {
  ...stretch,
  route: text,
  criticalPath: z.array(
    described<model.CriticalSegment>('CriticalSegment', { ...stretch, name: text, step: text.optional() }),
  ),
});

export const traceDetailSchema = described<model.TraceDetail>('TraceDetail', {
  ...traceFields,
  rows: z.array(waterfallRow),
  waits: z.array(described<model.WaitBand>('WaitBand', { ...stretch, wait: waitSchema })),
  gaps: z.array(described<model.Gap>('Gap', stretch)),
  units: z.array(unitOfWork),
  findingDetails: z.array(finding),
});

export const tracePageSchema = described<model.TracePage>('TracePage', {
  traces: z.array(traceSummary),
  matching: count,
});

const verdict = described<model.Verdict>('Verdict', {
  route: text,
  step: text,
  shareAtP50: share,
  shareAtP95: share,
  msAtP50: milliseconds,
  reason: finding.optional(),
  elsewhere: finding.optional(),
  text,
});

const routeFields: Fields<model.RouteSummary> = {
  route: text,
  kind: z.enum(['server', 'consumer', 'internal']),
  requests: count,
  errors: count,
  durationMs: described<model.Percentiles>('Percentiles', {
    p50: milliseconds,
    p95: milliseconds,
    p99: milliseconds,
    max: milliseconds,
  }),
  statementsPerRequest: z.number(),
  totalMs: milliseconds,
  verdict: verdict.optional(),
};

const routeSummary = described<model.RouteSummary>('RouteSummary', routeFields);

export const routesSchema = z.object({ routes: z.array(routeSummary) }).meta({ id: 'Routes' });
export const findingsSchema = z.object({ findings: z.array(findingGroup) }).meta({ id: 'Findings' });

export const routeDetailSchema = described<model.RouteDetail>('RouteDetail', {
  ...routeFields,
  steps: z.array(
    described<model.StepShare>('StepShare', {
      step: text,
      shareAtP50: share,
      shareAtP95: share,
      msAtP50: milliseconds,
      msAtP95: milliseconds,
    }),
  ),
  findings: z.array(findingGroup),
  slowest: z.array(traceSummary),
});

export const storeSchema = described<model.StoreStatistics>('StoreStatistics', {
  bytes: count,
  budgetBytes: count,
  traces: count,
  pinned: count,
  openTraces: count,
  routes: count,
  evictedTraces: count,
  thinnedTraces: count,
  droppedTraces: count,
  droppedSpans: count,
  truncatedAttributes: count,
  overflowedRoutes: count,
});

export const selfCostSchema = described<model.SelfCost>('SelfCost', {
  mode: z.enum(['full', 'metrics-only']),
  explanation: text,
  sampledRequests: count,
  microsPerRequest: z.number(),
  microsAfterAnswer: z.number(),
  limitMicros: z.number(),
  bytesPerRequest: z.number(),
  timesDegraded: count,
  resumesAt: epoch.optional(),
});

export const overviewSchema = described<model.Overview>('Overview', {
  process: z.strictObject({ service: text, pid: count, startedAt: epoch, node: text }),
  verdict: verdict.optional(),
  routes: z.array(routeSummary),
  findings: z.array(findingGroup),
  caches: z.array(
    described<model.CacheReport>('CacheReport', {
      cache: text,
      lookups: count,
      hits: count,
      misses: count,
      coalesced: count,
      hitRate: share,
      netSavingMs: milliseconds.optional(),
    }),
  ),
  store: storeSchema,
  selfCost: selfCostSchema,
});
