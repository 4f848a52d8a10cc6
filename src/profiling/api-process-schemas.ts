import { z } from 'zod';
import { described, type Fields } from './api-described.ts';
import type * as cpu from './cpu/model.ts';
import type { InFlight, InFlightList, StepInFlight } from './live/in-flight.ts';
import type { HeapSpace, LiveSnapshot } from './live/live.ts';
import type { Collections, ProcessReading } from './live/process-readings.ts';
import type { Verdict } from './live/verdict.ts';

/** What is answered about the process itself: profiles, and how it is doing. */

const text = z.string();
const number = z.number();
const count = z.int();
const share = number.meta({ description: 'A part of 1.' });
const metric = z.enum(['cpu', 'wall', 'allocated', 'live']);

const profileSummary = described<cpu.ProfileSummary>('Profile', {
  id: text,
  kind: z.enum(['cpu', 'heap']),
  cause: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('asked') }),
    z.strictObject({ kind: z.literal('slow'), route: text }),
  ]),
  seconds: number,
  startedAt: number,
  endsAt: number,
  state: z.enum(['running', 'finished', 'failed']),
});

export const profileSchema = z.strictObject({ profile: profileSummary }).meta({ id: 'OneProfile' });
export const profilesSchema = z.strictObject({ profiles: z.array(profileSummary) }).meta({ id: 'Profiles' });

const frame: Fields<cpu.Frame> = { name: text, file: text, line: count };

const flameNode: z.ZodType<cpu.FlameNode> = z
  .strictObject({
    ...frame,
    self: number,
    total: number,
    get children() {
      return z.array(flameNode);
    },
  })
  .meta({ id: 'FlameNode' });

export const profileReportSchema = described<cpu.ProfileReport>('ProfileReport', {
  profile: profileSummary,
  metric,
  metrics: z.array(metric),
  sums: z.array(
    described<cpu.LabelSum>('LabelSum', {
      step: text.optional(),
      route: text.optional(),
      samples: number,
      sums: z.partialRecord(metric, number),
    }),
  ),
  functions: z.array(
    described<cpu.FunctionRow>('FunctionRow', {
      ...frame,
      samples: number,
      self: number,
      total: number,
      selfShare: share,
      totalShare: share,
    }),
  ),
  flame: flameNode,
  foldedSamples: number,
});

export const profileErrorSchema = z
  .object({ error: text, message: text, field: text.optional() })
  .meta({ id: 'ProfileError' });

const collections = described<Collections>('Collections', { count, ms: number });

const processReading = described<ProcessReading>('ProcessReading', {
  at: number,
  disturbed: z.boolean(),
  loopDelay: z.strictObject({ p50: number, p99: number, max: number }),
  utilisation: share,
  cpu: number,
  collections: z.strictObject({
    minor: collections,
    major: collections,
    incremental: collections,
    weak: collections,
  }),
  rssBytes: count,
  heapUsedBytes: count,
  heapTotalBytes: count,
  externalBytes: count,
});

const inFlight = described<InFlight>('InFlight', {
  kind: z.enum(['request', 'job', 'step']),
  route: text.optional(),
  traceId: text.optional(),
  ageMs: number,
  answered: z.boolean(),
  steps: z.array(described<StepInFlight>('StepInFlight', { name: text, elapsedMs: number })),
});

export const liveSchema = described<LiveSnapshot>('Live', {
  at: number,
  pid: count,
  uptimeSeconds: number,
  verdict: described<Verdict>('LiveVerdict', {
    kind: z.enum(['collecting', 'blocked', 'saturated', 'waiting', 'busy', 'idle', 'unknown']),
    evidence: z.strictObject({ measure: text, value: number, limit: number }).optional(),
  }),
  readings: z.array(processReading),
  heapSpaces: z.array(described<HeapSpace>('HeapSpace', { name: text, usedBytes: count, sizeBytes: count })),
  gauges: z.record(text, z.record(text, number).nullable()),
  inFlight: described<InFlightList>('InFlightList', {
    count,
    byRoute: z.record(text, count),
    oldest: z.array(inFlight),
  }),
});
