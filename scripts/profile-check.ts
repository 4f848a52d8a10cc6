import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startBenchService } from '../bench/support/service.ts';
import type { SpanKindName, TraceDetail } from '../src/profiling/model.ts';
import { runningTelemetry } from '../src/profiling/telemetry.ts';
import { type Baseline, judge, type Measured, measure } from './profile-check/judge.ts';
import { type Ask, SCENARIOS, type Scenario } from './profile-check/scenarios.ts';

/**
 * `npm run profile:check [-- --update] [-- --baseline FILE]`: runs named scenarios against the real service and fails
 * when one of them needs more statements or has a longer critical path (in steps) than the committed baseline, or shows
 * a query for each row or a critical finding. No time is compared: it holds on any machine.
 */

const { values: flags } = parseArgs({
  options: {
    update: { type: 'boolean', default: false },
    baseline: { type: 'string', default: new URL('../profile-baseline.json', import.meta.url).pathname },
  },
});

/** The first round fills caches and opens connections, and does not count. */
const ROUNDS = 4;
/** Milliseconds for a trace to be complete after its answer. */
const COMPLETE_WITHIN_MS = 5_000;

const telemetry = runningTelemetry();
if (!telemetry) throw new Error('no telemetry: run by `npm run profile:check`');
const { profiler, settle } = telemetry;

const measured = await measureAll();
if (flags.update) await update();
else await check();
process.exit();

async function measureAll(): Promise<Record<string, Measured>> {
  await using service = await startBenchService();
  const results: Record<string, Measured> = {};
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const ask = asUser(service.url, await service.guest());
    results[name] = measure(await rounds(scenario, ask));
  }
  return results;
}

async function rounds(scenario: Scenario, ask: Ask): Promise<TraceDetail[]> {
  const traces: TraceDetail[] = [];
  for (let round = 0; round < ROUNDS; round++) traces.push(await complete(await scenario(ask, round)));
  return traces.slice(1);
}

function asUser(url: string, cookie: string): Ask {
  return async (method, path, { body, headers = {} } = {}) => {
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const response = await fetch(url + path, {
      method,
      headers: { Cookie: cookie, ...type, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
    return { traceId: response.headers.get('X-Trace-Id') ?? '', body: isJson ? JSON.parse(text) : {} };
  };
}

/** Every span of the trace has ended: those of the work that went on after the answer as well. */
async function complete(traceId: string): Promise<TraceDetail> {
  const until = performance.now() + COMPLETE_WITHIN_MS;
  while (performance.now() < until) {
    settle();
    const trace = profiler.trace(traceId);
    const has = (kind: SpanKindName) => trace?.rows.some((row) => row.kind === kind);
    if (trace && (!has('producer') || has('consumer'))) return trace;
    await delay(20);
  }
  throw new Error(`trace ${traceId} is not complete`);
}

async function readBaseline(): Promise<Baseline> {
  return JSON.parse(await readFile(flags.baseline, 'utf8'));
}

async function update(): Promise<void> {
  const { accepted } = await readBaseline().catch(() => ({ accepted: {} }));
  const scenarios = Object.fromEntries(
    Object.entries(measured).map(([name, { statements, criticalSteps }]) => [
      name,
      { statements, criticalSteps },
    ]),
  );
  await writeFile(flags.baseline, `${JSON.stringify({ scenarios, accepted }, null, 2)}\n`);
}

async function check(): Promise<void> {
  const rows = Object.entries(measured).map(
    ([name, { statements, criticalSteps }]) => `${name}: ${statements} statements, ${criticalSteps} steps`,
  );
  process.stdout.write(`${rows.join('\n')}\n`);
  const worse = judge(measured, await readBaseline());
  if (worse.length === 0) return;
  process.stderr.write(`\nworse than the baseline:\n${worse.map((line) => `- ${line}`).join('\n')}\n`);
  process.exitCode = 1;
}
