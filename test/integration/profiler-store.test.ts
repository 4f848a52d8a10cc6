import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const MEBIBYTE = 1024 * 1024;

/** Tells the budget of a process that is started as the service is. */
const TELL = `
  import { runningTelemetry } from './src/profiling/telemetry.ts';
  const telemetry = runningTelemetry();
  console.log(telemetry.profiler.store().budgetBytes);
  await telemetry.shutdown();
`;

for (const [given, mebibytes] of [
  [undefined, 32],
  ['', 32],
  ['8', 8],
  ['1024', 1_024],
  // The configuration stops such a start, and names the variable; telemetry is there before it.
  ['2', 32],
  ['plenty', 32],
] as const) {
  test(`PROFILER_STORE_MIB=${given ?? '(not set)'}: ${mebibytes} MiB for traces`, async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', './instrumentation.ts', '--input-type=module', '--eval', TELL],
      { env: { PATH: process.env.PATH, ...(given === undefined ? {} : { PROFILER_STORE_MIB: given }) } },
    );
    assert.equal(Number(stdout), mebibytes * MEBIBYTE);
  });
}
