import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProcessReading } from '../../../../src/profiling/live/process-readings.ts';
import { liveVerdict, type VerdictKind } from '../../../../src/profiling/live/verdict.ts';

interface Given {
  readonly median?: number;
  readonly max?: number;
  readonly utilisation?: number;
  readonly cpu?: number;
  readonly collectionMs?: number;
  readonly disturbed?: boolean;
}

function reading(given: Given): ProcessReading {
  const { median = 0, max = 0, utilisation = 0.5, cpu = 0.3, collectionMs = 0, disturbed = false } = given;
  const none = { count: 0, ms: 0 };
  return {
    at: 0,
    disturbed,
    loopDelay: { p50: median, p99: median, max },
    utilisation,
    cpu,
    collections: { minor: none, major: { count: 1, ms: collectionMs }, incremental: none, weak: none },
    rssBytes: 0,
    heapUsedBytes: 0,
    heapTotalBytes: 0,
    externalBytes: 0,
  };
}

const minute = (given: Given) => Array.from({ length: 60 }, () => reading(given));

describe('the verdict', () => {
  const cases: [string, readonly ProcessReading[], number, VerdictKind][] = [
    ['nothing measured', [], 5, 'unknown'],
    ['little work, requests under way', minute({}), 1, 'waiting'],
    ['little work, nothing under way', minute({}), 0, 'idle'],
    ['median loop delay of 10 ms', minute({ median: 10 }), 1, 'blocked'],
    ['median loop delay of 9.9 ms', minute({ median: 9.9 }), 1, 'waiting'],
    ['one loop delay of 100 ms', [...minute({}), reading({ max: 100 })], 1, 'blocked'],
    ['one loop delay of 99 ms', [...minute({}), reading({ max: 99 })], 1, 'waiting'],
    ['one of 300 ms by the profiler', [...minute({}), reading({ max: 300, disturbed: true })], 1, 'waiting'],
    ['utilisation of 95 %', minute({ utilisation: 0.95, cpu: 0.8 }), 1, 'saturated'],
    ['utilisation of 94 %', minute({ utilisation: 0.94, cpu: 0.8 }), 1, 'waiting'],
    ['more than 100 ms of collection a second', minute({ collectionMs: 101, median: 20 }), 1, 'collecting'],
    ['100 ms of collection a second', minute({ collectionMs: 100 }), 1, 'waiting'],
    ['CPU of 90 %', minute({ cpu: 0.9 }), 1, 'busy'],
    ['CPU of 89 %', minute({ cpu: 0.89 }), 1, 'waiting'],
    ['CPU of 90 % in one second of ten', [...minute({}).slice(0, 9), reading({ cpu: 1 })], 1, 'waiting'],
  ];
  for (const [name, readings, inFlight, kind] of cases) {
    test(`${name}: ${kind}`, () => {
      const verdict = liveVerdict(readings, inFlight);
      assert.equal(verdict.kind, kind);
      if (!['unknown', 'idle'].includes(kind)) assert.ok((verdict.evidence?.limit ?? 0) > 0);
    });
  }
});
