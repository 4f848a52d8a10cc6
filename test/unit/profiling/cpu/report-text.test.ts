import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileReport } from '../../../../src/profiling/cpu/model.ts';
import { reportText } from '../../../../src/profiling/cpu/report-text.ts';

const frame = { name: 'walk', file: 'src/a.ts', line: 7 };
const report: ProfileReport = {
  profile: {
    id: 'a1',
    kind: 'cpu',
    cause: { kind: 'asked' },
    seconds: 10,
    startedAt: 0,
    endsAt: 10_000,
    state: 'finished',
  },
  metric: 'cpu',
  metrics: ['cpu', 'wall'],
  sums: [
    { step: 'persona', route: 'POST /a', samples: 30, sums: { cpu: 312, wall: 400 } },
    { step: undefined, route: undefined, samples: 10, sums: { cpu: 104, wall: 104 } },
  ],
  functions: [{ ...frame, samples: 30, self: 312, total: 416, selfShare: 0.75, totalShare: 1 }],
  flame: { name: 'all', file: '', line: 0, self: 0, total: 416, children: [] },
  foldedSamples: 2,
};

test('a CPU profile in the terminal', () => {
  assert.equal(
    reportText(report),
    `cpu profile of 10 s: 40 samples, 416.0 CPU ms

CPU ms      %  samples  step     route
 312.0  75.0%       30  persona  POST /a
 104.0  25.0%       10  (none)   (none)

samples  self CPU ms      %  total CPU ms       %  function
     30        312.0  75.0%         416.0  100.0%  walk (src/a.ts:7)
2 samples count for a caller: the tree has too many branches
`,
  );
});

test('a profile of wall time, and one of the heap', () => {
  const wall = reportText({ ...report, metric: 'wall', flame: { ...report.flame, total: 504 } });
  assert.match(wall, /^cpu profile of 10 s: 40 samples, 504\.0 wall ms\n/);
  assert.match(wall, /^ +400\.0 +79\.4% +30 +persona +POST \/a$/m);

  const heap = reportText({
    ...report,
    profile: { ...report.profile, kind: 'heap' },
    metric: 'allocated',
    functions: report.functions.map((row) => ({ ...row, self: 3 * 1024 * 1024 })),
    foldedSamples: 0,
  });
  assert.match(heap, /^objects +self MiB /m);
  assert.match(heap, /^ +30 +3\.00 /m);
  assert.ok(!heap.includes('persona'), 'V8 does not tell what allocated for whom');
});
