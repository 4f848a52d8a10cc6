import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import supertest from 'supertest';
import type { Finding, TraceDetail, TraceSummary } from '../../src/profiling/model.ts';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { FAINT_TEXTS, launchBrowser, visit } from '../support/browser.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { startSlowApp } from '../support/slow-app.ts';

const SLOW = 'POST /slow/sessions';
const ENGLISH = { locale: 'en-US' };
/** Tall enough for all rows of a small trace. */
const TALL = { ...ENGLISH, viewport: { width: 1280, height: 2000 } };
const MANY_SPANS = 1_990;

describe('the profiler page', () => {
  let browser: Browser;
  let service: TestService;
  let slow: Awaited<ReturnType<typeof startSlowApp>>;
  const held = createHeldWriter();
  before(async () => {
    [browser, service, slow] = await Promise.all([
      launchBrowser(),
      startTestService(
        { JAEGER_UI_URL: 'http://jaeger.example', GRAFANA_URL: 'http://grafana.example' },
        { writer: held.writer },
      ),
      startSlowApp(),
    ]);
  });
  after(async () => {
    held.releaseAll();
    await browser?.close();
    await slow?.[Symbol.asyncDispose]();
    await service?.[Symbol.asyncDispose]();
  });

  const open = (hash = '', options: BrowserContextOptions = ENGLISH) =>
    visit(browser, `${service.opsUrl}/profiler/${hash}`, options);

  async function traces(query: string): Promise<TraceSummary[]> {
    const { body } = await supertest(service.opsUrl).get(`/profiler/api/traces?${query}`).expect(200);
    return body.traces;
  }

  async function trace(route: string): Promise<TraceDetail> {
    const [summary] = await traces(`route=${encodeURIComponent(route)}`);
    assert.ok(summary, route);
    const { body } = await supertest(service.opsUrl)
      .get(`/profiler/api/traces/${summary.traceId}`)
      .expect(200);
    return body;
  }

  const row = (page: Page, name: string | RegExp) => page.getByRole('treeitem', { name });
  const isFocused = (locator: Locator) =>
    locator.evaluate((element) => element === element.ownerDocument.activeElement);

  test('says what to do while there is nothing, and shows the first requests without a reload', async () => {
    await using visitor = await open();
    const { page } = visitor;
    await page.getByText('No request has been traced yet').waitFor();
    await page.getByText('It appears here within seconds, without a reload.').waitFor();

    const guest = await service.guest();
    await guest.get(SESSIONS).expect(200);
    await supertest(slow.url).post('/slow/sessions').expect(201);
    await supertest(slow.url).get('/slow/error').expect(503);
    await supertest(slow.url).get(`/slow/spans?count=${MANY_SPANS}`).expect(200);
    runningTelemetry()?.settle();
    await page.getByRole('heading', { level: 1, name: /^The bottleneck of/ }).waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  test('the verdict first: which step, why, at which line, and what mending it saves', async () => {
    await using visitor = await open();
    const { page } = visitor;
    const verdict = page.locator('.verdict');
    await verdict.waitFor();
    const said = await verdict.innerText();
    assert.match(said, /^The bottleneck of POST\s*\/slow\/sessions is (empathy|reflection)$/m);
    assert.match(said, /run one after the other, though none of them needs the one before/);
    assert.match(said, /^test\/support\/slow-app\.ts:\d+$/m);
    assert.match(said, /[\d.]+ m?s\s*→\s*[\d.]+ m?s\s*saves about [2-9]\d\d ms/);

    await verdict.getByRole('link', { name: 'Show it in the trace' }).click();
    await row(page, /^empathy/).waitFor();
    assert.equal(await row(page, /^empathy/).getAttribute('aria-selected'), 'true');
    // The same address, sent to somebody else, shows the same.
    await using colleague = await open(new URL(page.url()).hash);
    await row(colleague.page, /^empathy/).waitFor();
    assert.equal(await row(colleague.page, /^empathy/).getAttribute('aria-selected'), 'true');
    assert.deepEqual(visitor.problems, []);
  });

  test('what saves most in another step is told as that, and not as the reason for this one', async () => {
    const { body } = await supertest(service.opsUrl).get('/profiler/api/findings').expect(200);
    const sequence = body.findings.find(
      ({ worst }: { worst: Finding }) => worst.rule === 'sequential-steps' && worst.route === SLOW,
    );
    const path = `/profiler/api/findings/${sequence.fingerprint}`;
    await supertest(service.opsUrl).post(`${path}/mute`).send({ reason: 'for this test' }).expect(204);
    await using visitor = await open();
    const verdict = visitor.page.locator('.verdict');
    await verdict.getByText('Worth most').waitFor();
    assert.match(await verdict.innerText(), /is (empathy|reflection)\s.*Worth most\s+N\+1.* in "sources"/s);
    assert.equal(await verdict.getByText('Why', { exact: true }).count(), 0);
    await supertest(service.opsUrl).post(`${path}/unmute`).expect(204);
  });

  test('from the routes to one of them: shares of its steps, findings, slowest traces, Grafana', async () => {
    await using visitor = await open('#/routes');
    const { page } = visitor;
    await page.getByRole('link', { name: 'POST/slow/sessions' }).first().click();
    await page.getByRole('heading', { name: 'Steps on the critical path' }).waitFor();
    const steps = page.getByRole('table', { name: 'Steps on the critical path' });
    for (const step of ['sources', 'empathy', 'reflection']) {
      assert.match(await steps.getByRole('row', { name: step }).innerText(), /\d+%/);
    }
    await page
      .getByText('N+1: the same statement runs 12 times in "sources", with 12 different values')
      .waitFor();
    const grafana = new URL(
      (await page.getByRole('link', { name: 'Open in Grafana' }).getAttribute('href')) ?? '',
    );
    assert.equal(grafana.origin + grafana.pathname, 'http://grafana.example/d/meari-bottleneck');
    assert.equal(grafana.searchParams.get('var-route'), '/slow/sessions');
    // The dashboard's own variable, whose values are templates.
    const { templating } = JSON.parse(
      await readFile(new URL('../../grafana/dashboards/meari-bottleneck.json', import.meta.url), 'utf8'),
    );
    const variable = templating.list.find(({ name }: { name: string }) => name === 'route');
    assert.match(JSON.stringify(variable.query), /, http_route\)/);
    await page.getByRole('table', { name: 'Traces' }).getByRole('link').first().click();
    await page.getByRole('tree', { name: 'Waterfall' }).waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  test('routes are sorted by any column, by keyboard too, and found by a part of their name', async () => {
    await using visitor = await open('#/routes');
    const { page } = visitor;
    const routes = page.getByRole('table', { name: 'Routes' });
    const names = () => routes.locator('tbody .route').allInnerTexts();
    await routes.waitFor();
    const column = (name: string) => routes.getByRole('columnheader', { name });
    const numbers = async (index: number) => {
      const cells = await routes.locator(`tbody td:nth-child(${index})`).allInnerTexts();
      return cells.map((cell) => Number(cell.replaceAll(',', '')));
    };
    await column('Statements').getByRole('button').click();
    assert.equal(await column('Statements').getAttribute('aria-sort'), 'descending');
    const down = await numbers(7);
    assert.ok(down.length > 3 && (down[0] ?? 0) > 10);
    assert.deepEqual(
      down,
      down.toSorted((a, b) => b - a),
    );
    await page.keyboard.press('Enter');
    assert.equal(await column('Statements').getAttribute('aria-sort'), 'ascending');
    assert.deepEqual(await numbers(7), down.toReversed());
    await column('Route').getByRole('button').click();
    const sorted = await names();
    assert.deepEqual(
      sorted,
      sorted.toSorted((a, b) => a.localeCompare(b)),
    );

    await page.getByLabel('Search routes').fill('SPANS');
    assert.deepEqual(await names(), ['GET/slow/spans']);
    await page.reload();
    await routes.waitFor();
    assert.deepEqual(await names(), ['GET/slow/spans']);
    await page.getByLabel('Search routes').fill('nowhere');
    await page.getByText('No route matches').waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  test('traces are found by text, status and finding, and the filters are in the address', async () => {
    await using visitor = await open('#/traces');
    const { page } = visitor;
    const rows = page.getByRole('table', { name: 'Traces' }).getByRole('row');
    await page.getByLabel('Search').fill('reflection');
    await page.getByText('1 of 1 traces').waitFor();
    assert.match(page.url(), /text=reflection/);
    await page.getByLabel('Search').fill('');
    await page.getByLabel('Status').selectOption('error');
    await page.getByText('1 of 1 traces').waitFor();
    assert.match(await rows.nth(1).innerText(), /\/slow\/error.*503/s);
    await page.getByLabel('Status').selectOption('');
    await page.getByLabel('Finding').selectOption('n-plus-one');
    await page.getByText('1 of 1 traces').waitFor();
    await page.reload();
    await page.getByText('1 of 1 traces').waitFor();
    assert.equal(await page.getByLabel('Finding').inputValue(), 'n-plus-one');
    await page.getByLabel('At least, ms').fill('900000');
    await page.getByText('No trace matches').waitFor();
    await page.getByRole('link', { name: 'Clear the filters' }).click();
    await rows.nth(3).waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  test('one trace: the critical path is marked, exactly; kinds can be hidden; a span tells all of itself', async () => {
    const slowTrace = await trace(SLOW);
    await using visitor = await open(`#/traces/${slowTrace.traceId}`, TALL);
    const { page } = visitor;
    await row(page, /^sources/).waitFor();
    const marked = await page.locator('.span-row.on-path').evaluateAll((rows) => rows.map(({ id }) => id));
    const expected = slowTrace.rows.filter(({ criticalMs }) => criticalMs > 0).map(({ id }) => `row-${id}`);
    assert.deepEqual(marked.toSorted(), expected.toSorted());
    const lane = page.locator('.lane.path').first().locator('.piece');
    const steps = await lane.evaluateAll((pieces) =>
      pieces.map((piece) => piece.getAttribute('title') ?? ''),
    );
    assert.deepEqual(
      steps
        .map((title) => title.split(' · ')[0])
        .filter((name) => /^(sources|empathy|reflection)$/.test(name ?? '')),
      ['sources', 'empathy', 'reflection'],
    );

    await page.getByRole('button', { name: /^database/ }).click();
    assert.equal(await page.locator('.span-row.is-database').count(), 0);
    await page.getByRole('button', { name: /^database/ }).click();
    assert.equal(await row(page, /^SELECT/).count(), 13);

    await page.getByLabel('Search in spans').fill('pg_sleep');
    await page.getByText('12 found').waitFor();
    assert.equal(await page.locator('.span-row.found').count(), 12);
    await page.getByLabel('Search in spans').press('Enter');
    const panel = page.getByRole('complementary', { name: 'The selected span' });
    assert.match(await panel.innerText(), /select pg_sleep\(\?::float8\), \?::int as id\s+Step\s+sources/);
    assert.equal(
      await page.getByRole('link', { name: 'Open in Jaeger' }).getAttribute('href'),
      `http://jaeger.example/trace/${slowTrace.traceId}`,
    );

    await page.getByRole('button', { name: 'Mark its spans below' }).first().click();
    assert.equal(await page.locator('.span-row.marked').count(), 12);
    assert.deepEqual(visitor.problems, []);
  });

  test('the waterfall by keyboard: rows, folding, zoom', async () => {
    const { traceId } = await trace(SLOW);
    await using visitor = await open(`#/traces/${traceId}`, TALL);
    const { page } = visitor;
    const tree = page.getByRole('tree', { name: 'Waterfall' });
    const selected = () => page.getByRole('treeitem', { selected: true });
    await row(page, /^sources/).waitFor();
    await tree.focus();
    await page.keyboard.press('ArrowDown');
    assert.match((await selected().getAttribute('aria-label')) ?? '', /^context/);
    assert.equal(await tree.getAttribute('aria-activedescendant'), await selected().getAttribute('id'));
    await row(page, /^sources/).click();
    await page.keyboard.press('ArrowLeft');
    assert.equal(await selected().getAttribute('aria-expanded'), 'false');
    const statements = row(page, /^SELECT/);
    assert.equal(await statements.count(), 1);
    await page.keyboard.press('ArrowRight');
    assert.equal(await statements.count(), 13);
    await page.keyboard.press('ArrowRight');
    assert.match((await selected().getAttribute('aria-label')) ?? '', /^pg/);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Show the whole' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Show the whole' }).waitFor({ state: 'hidden' });
    await page.keyboard.press('End');
    assert.equal(
      await selected().getAttribute('aria-posinset'),
      await selected().getAttribute('aria-setsize'),
    );
  });

  test('a trace of two thousand spans has no more rows in the document than are in sight', async () => {
    const { traceId, rows } = await trace('GET /slow/spans');
    assert.ok(rows.length > MANY_SPANS);
    await using visitor = await open(`#/traces/${traceId}`);
    const { page } = visitor;
    await row(page, 'span 0,').waitFor();
    const drawn = () => page.locator('.span-row').count();
    const elements = () => page.evaluate('document.querySelectorAll("main *").length');
    assert.ok((await drawn()) < 60, `${await drawn()} rows`);
    assert.ok(Number(await elements()) < 2_500, `${await elements()} elements`);
    await page.getByRole('tree', { name: 'Waterfall' }).focus();
    await page.keyboard.press('End');
    await row(page, `span ${MANY_SPANS - 1},`).waitFor();
    assert.ok((await drawn()) < 60);
    await page.keyboard.press('Home');
    await row(page, 'span 0,').waitFor();
    await page.getByLabel('Search in spans').fill(`span ${MANY_SPANS - 7}`);
    await page.getByText('1 found').waitFor();
    await page.getByLabel('Search in spans').press('Enter');
    await row(page, `span ${MANY_SPANS - 7},`).waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  test('a finding is muted with a reason and unmuted, and its evidence is there', async () => {
    await using visitor = await open('#/findings');
    const { page } = visitor;
    const finding = page.getByRole('article').filter({ hasText: 'N+1: the same statement' });
    await finding.getByText('Evidence').click();
    assert.match(await finding.innerText(), /select pg_sleep/i);
    await finding.getByRole('button', { name: /^Mute …/ }).click();
    const reason = finding.getByLabel('Why it is no problem here');
    assert.ok(await isFocused(reason));
    await reason.fill('a demonstration');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Muted' }).waitFor();
    await finding.getByText('Muted: a demonstration').waitFor();
    await page.goto(`${service.opsUrl}/profiler/#/`);
    await page.locator('.verdict').waitFor();
    assert.equal(await page.getByText('N+1: the same statement').count(), 0);
    await page.goBack();
    await finding.getByRole('button', { name: 'Unmute' }).click();
    await finding.getByRole('button', { name: /^Mute …/ }).waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  test('findings are chosen by text, severity, rule and route, and the choice is in the address', async () => {
    await using visitor = await open('#/findings');
    const { page } = visitor;
    const found = page.getByRole('article');
    await found.nth(1).waitFor();
    const all = await found.count();
    await page.getByLabel('Search').fill('PG_SLEEP');
    await page.getByText(`1 of ${all} findings`).waitFor();
    assert.match(await found.innerText(), /^warning|critical\s+N\+1 queries/);
    await page.reload();
    await page.getByText(`1 of ${all} findings`).waitFor();
    assert.equal(await page.getByLabel('Search').inputValue(), 'PG_SLEEP');
    await page.getByLabel('Search').fill('');
    await page.getByLabel('Finding').selectOption('sequential-steps');
    await page.getByText(`1 of ${all} findings`).waitFor();
    assert.match(await found.innerText(), /run one after the other/);
    await page.getByLabel('Severity').selectOption('info');
    await page.getByText('No finding matches').waitFor();
    await page.getByRole('link', { name: 'Clear the filters' }).click();
    await found.nth(all - 1).waitFor();
    await page.getByLabel('Route').selectOption(SLOW);
    await page.waitForURL(/route=POST/);
    for (const text of await found.allInnerTexts()) assert.match(text, /\/slow\/sessions/);
    assert.ok((await found.count()) >= 2);
    assert.deepEqual(visitor.problems, []);
  });

  test('a finding without a line says what it is about, and is found by its route', async () => {
    await using visitor = await open();
    const { page } = visitor;
    const told = (fingerprint: string, cache: string, route: string) => ({
      fingerprint,
      worst: {
        rule: 'cache-not-paying',
        severity: 'warning',
        title: 'as the process tells it',
        evidence: { cache, lookups: 200, hitRate: 0.1, netSavingMs: 0 },
        route,
        about: [],
        count: 200,
        timeMs: 0,
        spanIds: [],
        fingerprint,
      },
      occurrences: 1,
      firstSeenAt: 0,
      lastSeenAt: 0,
      traceIds: [],
    });
    const findings = [told('abc', 'things', ''), told('abd', 'others', 'GET /others')];
    await page.route('**/profiler/api/findings', (route) => route.fulfill({ json: { findings } }));
    await page.goto(`${service.opsUrl}/profiler/#/findings`);
    await page.getByRole('article').getByText('Cache things', { exact: true }).waitFor();
    await page.getByLabel('Route').selectOption('GET /others');
    await page.getByText('1 of 2 findings').waitFor();
    assert.match(await page.getByRole('article').innerText(), /Cache others/);
  });

  test('Korean by the browser; English, and dark, by choice, and remembered', async () => {
    await using visitor = await open('', { locale: 'ko-KR', colorScheme: 'light' });
    const { page } = visitor;
    await page.getByRole('heading', { level: 1, name: /slow\/sessions의 병목은/ }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'ko');
    await page.getByText('서로 필요로 하지 않는데 하나씩 차례로 실행됩니다').first().waitFor();
    await page.getByRole('button', { name: '밝게 또는 어둡게' }).click();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: /^The bottleneck of/ }).waitFor();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: /^The bottleneck of/ }).waitFor();
    const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    assert.equal(ground, 'rgb(20, 22, 27)');
    assert.deepEqual(visitor.problems, []);
  });

  test('by keyboard alone: skips to the content, and the focus is always in sight', async () => {
    await using visitor = await open('#/traces');
    const { page } = visitor;
    await page.getByRole('table', { name: 'Traces' }).waitFor();
    await page.keyboard.press('Tab');
    assert.ok(await isFocused(page.getByRole('link', { name: 'Skip to the content' })));
    await page.keyboard.press('Enter');
    assert.ok(await isFocused(page.getByRole('main')));
    for (let stop = 0; stop < 12; stop++) {
      await page.keyboard.press('Tab');
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      assert.match(String(outline), /solid|auto/);
    }
    await page.getByRole('link', { name: /^POST \/slow\/sessions/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('tree', { name: 'Waterfall' }).waitFor();
    assert.ok(await isFocused(page.getByRole('main')));
  });

  test('live: what is under way, with its step', async () => {
    await using visitor = await open('#/live');
    const { page } = visitor;
    await page.getByText('Event-loop delay, p99').waitFor();
    for (const gauge of ['Database pool', 'Sessions', 'Streams']) {
      await page.getByRole('heading', { name: gauge }).waitFor();
    }
    const guest = await service.guest();
    await guest.post(SESSIONS).set('Prefer', 'respond-async').send({ selected_tag_id: 2 }).expect(202);
    const underWay = page.getByRole('table', { name: 'Under way' });
    await underWay.getByText('persona').waitFor();
    assert.match(await underWay.innerText(), /POST\s*\/api\/v1\/meari\/sessions/);
    held.releaseAll();
    await page.getByText('Nothing at the moment.').waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  for (const kind of ['cpu', 'heap'] as const) {
    test(`a ${kind} profile: started here, shown as a flame graph and a table, and downloaded`, async () => {
      await using visitor = await open('#/cpu');
      const { page } = visitor;
      await page.getByLabel('What').selectOption(kind);
      await page.getByLabel('Seconds, 1 to 30').fill('3');
      await page.getByRole('button', { name: 'Start' }).click();
      await page.getByText('Sampling:').waitFor();
      const burning = supertest(slow.url).get('/slow/burn').expect(200).then();
      const graph = page.getByRole('tree', { name: 'Flame graph' });
      await graph.waitFor();
      await burning;
      const boxes = graph.getByRole('treeitem');
      assert.ok((await boxes.count()) > 5);
      const functions = page.getByRole('table', { name: 'Functions' });
      await functions.getByText('burn', { exact: true }).waitFor();
      const total = functions.getByRole('columnheader', { name: 'Total' });
      await total.getByRole('button').click();
      assert.equal(await total.getAttribute('aria-sort'), 'descending');
      const shares = (await functions.locator('tbody td:nth-child(5)').allInnerTexts()).map(
        Number.parseFloat,
      );
      assert.deepEqual(
        shares,
        shares.toSorted((a, b) => b - a),
      );
      await page.getByLabel('Search in functions').fill('slow-app');
      await page.getByText(/^found: [1-9]/).waitFor();
      assert.ok((await page.locator('.box.found').count()) > 0);

      await graph.focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Show the whole' }).waitFor();
      await page.keyboard.press('Escape');

      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: kind === 'cpu' ? '.cpuprofile' : 'pprof' }).click(),
      ]);
      assert.match(download.suggestedFilename(), kind === 'cpu' ? /\.cpuprofile$/ : /\.pb\.gz$/);
      if (kind === 'cpu') {
        await page
          .getByRole('table', { name: 'By step and route' })
          .getByRole('button', { name: 'burning' })
          .click();
        await page.waitForURL(/step=burning/);
        await functions.getByText('burn', { exact: true }).waitFor();
      }
      assert.deepEqual(visitor.problems, []);
    });
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`fits a phone, and can be read in the ${colorScheme}, in both languages`, async () => {
      const { traceId } = await trace(SLOW);
      const views = [
        '',
        '#/routes',
        `#/routes/${encodeURIComponent(SLOW)}`,
        '#/traces',
        `#/traces/${traceId}`,
      ];
      await using visitor = await open('', {
        viewport: { width: 390, height: 844 },
        colorScheme,
        locale: 'ko-KR',
      });
      const { page } = visitor;
      for (const language of ['ko', 'en']) {
        for (const hash of [...views, '#/findings', '#/cpu', '#/live']) {
          await page.goto(`${service.opsUrl}/profiler/${hash}`);
          await page.locator('main > *').first().waitFor();
          await page.locator('main:not([aria-busy])').waitFor();
          assert.equal(
            await page.evaluate('document.documentElement.scrollWidth'),
            390,
            `${language} ${hash}`,
          );
          assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], `${language} ${hash}`);
        }
        await page.locator('#language').click();
        await page.locator(`html:not([lang=${language}])`).waitFor();
      }
      assert.deepEqual(visitor.problems, []);
    });
  }
});

describe('the profiler page, closed', () => {
  const token = 'a-token-for-the-tests';
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser?.close());

  test('asks for the token, and then shows the view that was asked for', async () => {
    await using service = await startTestService({ PROFILER_TOKEN: token });
    await using visitor = await visit(browser, `${service.opsUrl}/profiler/#/findings`, ENGLISH);
    const { page } = visitor;
    await page.getByLabel('Token').fill('something else');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('That is not the token.').waitFor();
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Findings' }).waitFor();
    assert.equal(new URL(page.url()).hash, '#/findings');
    assert.ok(!(await page.evaluate('document.cookie')), 'no script can read it');
    for (const seen of visitor.traces) assert.ok(!seen.includes(token));
  });

  test('a link from another site does not ask again who has signed in', async () => {
    await using service = await startTestService({ PROFILER_TOKEN: token });
    await using visitor = await visit(browser, `${service.opsUrl}/profiler/#/findings`, ENGLISH);
    const { page } = visitor;
    const findings = page.getByRole('heading', { level: 1, name: 'Findings' });
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await findings.waitFor();
    // A page of another site: `localhost` and `127.0.0.1` are two.
    await page.goto(`${service.url.replace('127.0.0.1', 'localhost')}/docs`);
    await page.evaluate(`location.href = ${JSON.stringify(`${service.opsUrl}/profiler/#/findings`)}`);
    await findings.waitFor();
  });

  test('says that the process is away, and goes on when it is back', async () => {
    await using service = await startTestService();
    await using visitor = await visit(browser, `${service.opsUrl}/profiler/#/findings`, ENGLISH);
    const { page } = visitor;
    await page.getByRole('heading', { level: 1, name: 'Findings' }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole('alert').filter({ hasText: 'The process does not answer' }).waitFor();
    await page.context().setOffline(false);
    await page.getByRole('heading', { level: 1, name: 'Findings' }).waitFor();
  });
});
