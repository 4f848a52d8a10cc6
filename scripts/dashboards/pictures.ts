import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { launchBrowser } from '../../test/support/browser.ts';
import { globalSetup, globalTeardown } from '../../test/support/global-setup.ts';
import { type DashboardJson, readDashboards } from '../../test/support/grafana/dashboard-files.ts';
import { type Choice, type Chosen, interpolate } from '../../test/support/grafana/interpolate.ts';
import {
  keepBusy,
  letThingsHappen,
  type OperatedService,
  startOperatedService,
} from '../../test/support/grafana/operated-service.ts';
import { type Answer, PAGE_WIDTH, pageOf } from './page.ts';

const DOCS = join(import.meta.dirname, '../../docs');

/** Milliseconds of traffic before anything goes wrong, and after it. */
const BEFORE_MS = 45_000;
const AFTER_MS = 30_000;
const RATE_INTERVAL = '12s';
const STEP_SECONDS = 2;
/** Of 100. */
const QUALITY = 82;

/**
 * Grafana itself cannot be had here: pictures of the dashboards' layouts, from their JSON, with what a real Prometheus
 * read from a real service while the faults of the test went on. Takes two minutes.
 */
export async function takePictures(): Promise<void> {
  await globalSetup();
  try {
    await using operated = await startOperatedService({ scrapeMs: 1_000 });
    const startedAt = Date.now();
    const traffic = new AbortController();
    const busy = keepBusy(operated.api, 3, traffic.signal);
    await delay(BEFORE_MS);
    const stream = await letThingsHappen(operated);
    await delay(AFTER_MS);
    await operated.prometheus.scraped();
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    for (const dashboard of await readDashboards()) await takePicture(operated, dashboard, seconds);
    traffic.abort();
    await busy;
    stream.leave();
  } finally {
    await globalTeardown();
  }
}

/** That are chosen until somebody chooses. */
function routesOf({ templating }: DashboardJson): Choice {
  const current = templating.list.find(({ name }) => name === 'route')?.current?.value;
  return Array.isArray(current) ? current : 'All';
}

/** With gaps where there is no value. */
async function rangeOf(url: string, query: string, end: number, seconds: number): Promise<Answer['series']> {
  const start = end - seconds;
  const parameters = { query, start: String(start), end: String(end), step: String(STEP_SECONDS) };
  const response = await fetch(`${url}/api/v1/query_range?${new URLSearchParams(parameters)}`);
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
  };
  return data.result.map(({ metric, values }) => {
    const known = new Map(
      values.map(([at, value]) => [Math.round((at - start) / STEP_SECONDS), Number(value)]),
    );
    const moments = Math.floor(seconds / STEP_SECONDS) + 1;
    return { labels: metric, values: Array.from({ length: moments }, (_, moment) => known.get(moment)) };
  });
}

async function takePicture({ prometheus }: OperatedService, dashboard: DashboardJson, seconds: number) {
  const chosen: Chosen = { instance: 'All', route: routesOf(dashboard), step: 'All' };
  const answers = new Map<number, Answer[]>();
  const now = Date.now();
  for (const { id, targets = [] } of dashboard.panels) {
    const asked = targets.map(async ({ expr, legendFormat, instant }) => {
      const query = interpolate(expr, chosen, RATE_INTERVAL);
      const series = await rangeOf(prometheus.url, query, now / 1000, instant ? 0 : seconds);
      return { legend: legendFormat, series };
    });
    answers.set(id, await Promise.all(asked));
  }
  const time = (ago: number) => new Date(now - ago * 1000).toTimeString().slice(0, 8);
  const html = pageOf({ dashboard, answers, times: [time(seconds), time(seconds / 2), time(0)] });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: PAGE_WIDTH, height: 400 } });
    await page.setContent(html);
    const height = await page.locator('html').evaluate((html) => html.scrollHeight);
    const devTools = await page.context().newCDPSession(page);
    // A quarter of the size of PNG, which Playwright itself would take.
    const { data } = await devTools.send('Page.captureScreenshot', {
      format: 'webp',
      quality: QUALITY,
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width: PAGE_WIDTH, height, scale: 1 },
    });
    const file = `dashboard-${dashboard.uid.replace('meari-', '')}.webp`;
    await writeFile(join(DOCS, file), Buffer.from(data, 'base64'));
  } finally {
    await browser.close();
  }
}
