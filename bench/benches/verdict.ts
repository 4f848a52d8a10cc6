import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Finding, Profiler, RuleId } from '../../src/profiling/model.ts';
import { withServerSpan } from '../../src/profiling/server-span.ts';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { connectDatabase } from '../../src/store/database.ts';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { startProxy } from '../../test/support/tcp-proxy.ts';
import { type Figure, figure, median } from '../support/figures.ts';
import { sourcesOneByOne } from '../support/one-by-one.ts';
import { startBenchPostgres } from '../support/postgres.ts';
import { createSequentialPipeline } from '../support/sequential.ts';
import { postSession, startBenchService } from '../support/service.ts';
import { slowSources, slowWriter } from '../support/slow-words.ts';

/** One a round: what is cached for one is new for the next. */
const TAGS = [2, 3, 4, 6, 7];

const SLOW_ROUTE = 'POST /slow/sessions';
const ROUTE = 'POST /api/v1/meari/sessions';

/**
 * The slow service (one step after the other, a query for each row) under the profiling layer, and the real pipeline
 * in the same run: what the profiler says is wrong with the one, and whether the time that it predicts is the time that
 * the other takes. The database is a millisecond away, as one on another machine is.
 */
export async function run(): Promise<Figure[]> {
  const { profiler, settle } = runningTelemetry() ?? {};
  if (!profiler || !settle) throw new Error('no telemetry: run by `npm run bench`');
  await using postgres = await startBenchPostgres();
  await using proxy = await startProxy(Number(new URL(await postgres.createDatabase('verdict')).port));
  const url = proxy.through(await postgres.createDatabase('verdict_far'));
  const database = connectDatabase({ url, poolMax: 10 });
  const writer = slowWriter(createLocalWriter());
  await using service = await startBenchService(
    { writer, sources: slowSources(createCorpusRepository(database)) },
    { DATABASE_URL: url },
  );
  proxy.delay(1, 'answers');
  const cookie = await service.guest();
  await using slow = await startSlowService(
    await createSequentialPipeline(database, { sources: slowSources(sourcesOneByOne(database)), writer }),
  );
  for (const tag of TAGS) {
    await (await fetch(slow.url, { method: 'POST' })).arrayBuffer();
    const body = { selected_tag_id: tag, user_context: `매일 야근해요 ${tag}` };
    await (await postSession(service.url, cookie, body)).arrayBuffer();
  }
  settle();
  await database.destroy();
  return figures(profiler);
}

async function startSlowService(createSession: () => Promise<void>) {
  const app = express();
  app.post('/slow/sessions', async (_req, res) => {
    await createSession();
    res.status(201).json({ status: 'success' });
  });
  const server = createServer(withServerSpan(app)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/slow/sessions`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function figures(profiler: Profiler): Figure[] {
  const slow = profiler.route(SLOW_ROUTE);
  const real = profiler.route(ROUTE);
  if (!slow || !real) throw new Error('the profiler knows no such route');
  const found = slow.findings.map(({ worst }) => worst);
  const sequential = found.filter(isOf('sequential-steps'));
  const nPlusOne = found.filter(isOf('n-plus-one'));
  process.stderr.write(`${slow.verdict?.text}\n`);
  for (const { title, callSite, step, savingMs } of found) {
    process.stderr.write(`- ${title} (step ${step}, ${callSite}, saves ${Math.round(savingMs ?? 0)} ms)\n`);
  }

  const named = nPlusOne.filter(({ callSite }) => callSite?.startsWith('bench/support/one-by-one.ts:'));
  const predicted = median(
    profiler
      .traces({ route: SLOW_ROUTE })
      .traces.map(({ traceId, durationMs }) => durationMs - savingOf(profiler, traceId)),
  );
  return [
    figure('slow service, one session', slow.durationMs.p50, 'ms'),
    figure('N+1 named with its line in one-by-one.ts', named.length, 'findings', '≥ 1'),
    figure('steps in sequence named', sequential.length, 'findings', '1'),
    figure('predicted once both are mended', predicted, 'ms'),
    figure('the real pipeline takes', real.durationMs.p50, 'ms'),
    figure('predicted against real', predicted / real.durationMs.p50, '×', '0.9 to 1.1 ×'),
    figure('found in the real pipeline: N+1 or steps in sequence', wrongIn(real.findings), 'findings', '0'),
  ];
}

/** Milliseconds, by what was found in this trace alone. */
function savingOf(profiler: Profiler, traceId: string): number {
  const { findingDetails = [] } = profiler.trace(traceId) ?? {};
  return findingDetails
    .filter(({ rule }) => rule === 'sequential-steps' || rule === 'n-plus-one')
    .reduce((sum, { savingMs }) => sum + (savingMs ?? 0), 0);
}

function isOf(rule: RuleId): (finding: Finding) => boolean {
  return (finding) => finding.rule === rule;
}

function wrongIn(groups: readonly { readonly worst: Finding }[]): number {
  return groups.filter(({ worst }) => ['n-plus-one', 'sequential-steps'].includes(worst.rule)).length;
}
