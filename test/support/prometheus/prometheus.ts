import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import { freePort } from '../process.ts';
import { startServerProcess } from '../server-process.ts';
import { prometheusPath } from '../tools.ts';
import { createPrometheusApi, type PrometheusApi, type Sample } from './prometheus-api.ts';

/** Leaving its scope ends it, however the test went. */
export interface TestPrometheus extends PrometheusApi, AsyncDisposable {
  readonly url: string;
  /** Resolves once each target has been read after the call, whether or not it answered. */
  scraped(): Promise<void>;
  /** Asks again until the answer passes; until there is any, unless `passes` says otherwise. */
  until(query: string, passes?: (samples: readonly Sample[]) => boolean): Promise<Sample[]>;
  /** Ends it at once. Safe to call twice. */
  stop(): Promise<void>;
}

export type ScrapeJob = 'meari-api' | 'meari-worker';

export interface TestPrometheusOptions {
  /** URLs of the ops listeners of each job's processes. */
  readonly targets: Partial<Record<ScrapeJob, readonly string[]>>;
  /** Paths, with `*` in the file's name; the repository's own unless given. */
  readonly ruleFiles?: readonly string[];
  /** Between two readings of a target, as between two evaluations of the rules. */
  readonly intervalMs?: number;
}

/** The rules that operators load. */
export const RULE_FILES = new URL('../../../prometheus/rules/*.yml', import.meta.url).pathname;

const ASK_EVERY_MS = 50;
/** Milliseconds by which Prometheus moves a sample's time so that samples are evenly spaced. */
const TIMESTAMP_TOLERANCE_MS = 2;

/**
 * A real Prometheus on loopback that reads these targets, in a folder of its own that is removed at its end. Resolves
 * once it answers queries; `scraped` tells when there is something to ask for, the first time after 5 s: that is how
 * often Prometheus looks for new targets.
 *
 * @throws {Error} with what it printed, when it ends before that.
 */
export async function startPrometheus(options: TestPrometheusOptions): Promise<TestPrometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'meari-prometheus-'));
  const configFile = join(directory, 'prometheus.yml');
  await writeFile(configFile, JSON.stringify(configOf(options)));
  const port = await freePort();
  const settings = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const server = startServerProcess(prometheusPath(), settings, directory);
  const url = `http://127.0.0.1:${port}`;
  const api = createPrometheusApi(url);
  const { stop } = server;
  await server.waitFor(eventually(async () => server.hasEnded() || (await isReady(url)) || undefined));

  const until: TestPrometheus['until'] = (query, passes = ({ length }) => length > 0) =>
    eventually(async () => {
      const samples = await api.query(query);
      if (passes(samples)) return samples;
      // Asked without a rest, it would take the processor from those whom it reads.
      await sleep(ASK_EVERY_MS);
      return undefined;
    }).catch((cause) => {
      throw new Error(`for ${query}`, { cause });
    });
  const targetCount = Object.values(options.targets).flat().length;
  return {
    ...api,
    url,
    until,
    async scraped() {
      const since = Date.now() + TIMESTAMP_TOLERANCE_MS;
      await until(`timestamp(up) * 1000 > ${since}`, ({ length }) => length === targetCount);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** JSON is YAML. */
function configOf({ targets, ruleFiles = [RULE_FILES], intervalMs = 250 }: TestPrometheusOptions): object {
  const interval = `${intervalMs}ms`;
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ruleFiles,
    scrape_configs: Object.entries(targets).map(([job, urls]) => ({
      job_name: job,
      static_configs: [{ targets: urls.map((url) => new URL(url).host) }],
    })),
  };
}

async function isReady(url: string): Promise<boolean> {
  // Refused until it listens.
  const response = await fetch(`${url}/-/ready`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok ?? false;
}
