import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url).pathname;
const NODE = ['--import', './scripts/profile-check/telemetry.ts', 'scripts/profile-check.ts'];

test('npm run profile:check fails when a scenario needs more than its baseline, and says which', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'meari-profile-check-'));
  const baseline = JSON.parse(await readFile(join(ROOT, 'profile-baseline.json'), 'utf8'));
  baseline.scenarios['a page of sessions'].statements -= 1;
  baseline.scenarios['a session, waited for'].criticalSteps -= 1;
  const file = join(directory, 'baseline.json');
  await writeFile(file, JSON.stringify(baseline));

  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [...NODE, '--baseline', file], { cwd: ROOT }, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
  await rm(directory, { recursive: true });
  assert.equal(code, 1, stderr);
  const lines = stderr.split('\n').filter((line) => line.startsWith('- '));
  assert.deepEqual(lines, [
    '- a session, waited for: 4 steps on the critical path, 3 in the baseline',
    '- a page of sessions: 2 statements, 1 in the baseline',
  ]);
});
