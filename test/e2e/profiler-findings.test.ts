import '../../instrumentation.ts';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import type { Finding, Profiler, TraceDetail, WaitKind } from '../../src/profiling/model.ts';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { FAINT_TEXTS, launchBrowser, visit } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { openTroubles } from '../support/troubles.ts';

const ENGLISH = { locale: 'en-US', viewport: { width: 1280, height: 2_000 } };
/** There is no one line for a cache: its name is where to look. */
const WITHOUT_LINE = new Set(['cache-not-paying']);

/** Of a track of some hundred. */
const TWO_PIXELS = 0.005;

describe('what the profiler finds, on its page', () => {
  let browser: Browser;
  let service: TestService;
  let profiler: Profiler;
  let waitsRoute: string;
  before(async () => {
    const running = runningTelemetry();
    assert.ok(running);
    profiler = running.profiler;
    [browser, service] = await Promise.all([launchBrowser(), startTestService({ DATABASE_POOL_MAX: '2' })]);
    await using opened = await openTroubles(service.container.database);
    for (const { rule, send } of opened.troubles) {
      // Again where the machine had no time for this process: what it held up is nobody's block.
      await eventually(async () => {
        const route = await send();
        running.settle();
        return worstOf(rule, route) ? true : undefined;
      });
    }
    waitsRoute = await opened.waits();
    const guest = await service.guest();
    await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    running.settle();
  });
  after(async () => {
    await browser?.close();
    await service?.[Symbol.asyncDispose]();
  });

  const open = (hash: string, options: BrowserContextOptions = ENGLISH) =>
    visit(browser, `${service.opsUrl}/profiler/${hash}`, options);

  /** Of the route, or of the whole process. */
  function worstOf(rule: string, route: string): Finding | undefined {
    return profiler
      .findings()
      .map(({ worst }) => worst)
      .find((worst) => worst.rule === rule && (worst.route === route || worst.route === ''));
  }

  function traceOf(route: string): TraceDetail {
    const [summary] = profiler.traces({ route, order: 'slowest' }).traces;
    const detail = profiler.trace(summary?.traceId ?? '');
    assert.ok(detail, route);
    return detail;
  }

  const ofTroubles = () =>
    profiler
      .findings()
      .map(({ worst, fingerprint }) => ({ ...worst, fingerprint }))
      .filter(({ rule, route }) => route === `GET /troubles/${rule}` || route === '');

  test('each rule was met for real, and says at which line', () => {
    const found = ofTroubles();
    assert.equal(new Set(found.map(({ rule }) => rule)).size, 11);
    for (const { rule, callSite } of found) {
      if (WITHOUT_LINE.has(rule)) continue;
      assert.match(callSite ?? '', /^(test\/support\/troubles|src\/writing\/llm\/ask)\.ts:\d+$/, rule);
    }
  });

  for (const [locale, word] of [
    ['en-US', /[a-z]{3}/],
    ['ko-KR', /[가-힣]/],
  ] as const) {
    test(`each is told in words of ${locale}: name, title, what to do, evidence`, async () => {
      await using visitor = await open('#/findings', { ...ENGLISH, locale });
      const { page } = visitor;
      await page.getByRole('article').first().waitFor();
      for (const { fingerprint, callSite, rule, title } of ofTroubles()) {
        const article = page.locator(`#finding-${fingerprint}`);
        await article.locator('summary').click();
        const [name = '', heading = ''] = [
          await article.locator('.row small').first().innerText(),
          await article.locator('h3').innerText(),
        ];
        assert.ok(name, rule);
        for (const said of [heading, ...(await article.locator('p').allInnerTexts())]) {
          assert.match(said, word, rule);
          assert.doesNotMatch(said, /\{\w+\}|undefined|NaN/, rule);
        }
        // What the API says in English is for those who compose no text of their own.
        assert.notEqual(heading, title, rule);
        for (const label of await article.locator('.evidence dt').allInnerTexts()) {
          assert.match(label, locale === 'ko-KR' ? word : /^[A-Z+]/, `${rule}: ${label}`);
        }
        if (callSite) assert.ok((await article.innerText()).includes(callSite), rule);
      }
      assert.deepEqual(visitor.problems, []);
    });
  }

  test('a block leads on to a profile, which alone can tell the function', async () => {
    await using visitor = await open('#/findings');
    const { page } = visitor;
    const block = page.getByRole('article').filter({ hasText: 'while "render" worked' });
    assert.match(await block.innerText(), /No trace can tell which function it was/);
    await block.getByRole('link', { name: 'Take a CPU profile' }).click();
    await page.getByRole('heading', { level: 1, name: 'CPU & heap' }).waitFor();
    assert.match(page.url(), /step=render/);
  });

  for (const [wait, name] of [
    ['pool', 'a connection'],
    ['limiter', 'the limiter'],
    ['queue', 'the queue'],
  ] as const satisfies readonly (readonly [WaitKind, string])[]) {
    test(`waiting for ${name} is a band of its own, as long as it was`, async () => {
      const trace = traceOf(wait === 'queue' ? `POST ${SESSIONS}` : waitsRoute);
      const expected = trace.waits.filter((band) => band.wait === wait);
      const longest = Math.max(...expected.map(({ durationMs }) => durationMs));
      const band = expected.find(({ durationMs }) => durationMs === longest);
      assert.ok(band);
      await using visitor = await open(`#/traces/${trace.traceId}?span=${trace.rows[0]?.id}`);
      const { page } = visitor;
      const pieces = page.locator('.lane.waits .piece');
      await pieces.first().waitFor();
      const drawn = await pieces.evaluateAll((all) =>
        all.map((piece) => {
          const [own, track] = [piece.getBoundingClientRect(), piece.parentElement?.getBoundingClientRect()];
          const { left = 0, width = 1 } = track ?? {};
          return { title: piece.title, from: (own.left - left) / width, part: own.width / width };
        }),
      );
      const isBand = ({ title, from, part }: (typeof drawn)[number]) =>
        title.startsWith(`${name} · `) &&
        Math.abs(from - band.startMs / trace.totalMs) < TWO_PIXELS &&
        Math.abs(part - band.durationMs / trace.totalMs) < TWO_PIXELS;
      assert.ok(drawn.some(isBand), JSON.stringify([drawn, band]));
      await pieces.nth(drawn.findIndex(isBand)).click();
      const panel = page.getByRole('complementary', { name: 'The selected span' });
      if (wait !== 'queue') assert.match(await panel.innerText(), new RegExp(`Waits for\\s+${name}`));
      assert.deepEqual(visitor.problems, []);
    });
  }

  test('time that nobody accounts for is a band of its own, above and in its span', async () => {
    const trace = traceOf(waitsRoute);
    const gap = trace.gaps.toSorted((a, b) => b.durationMs - a.durationMs)[0];
    assert.ok(gap && gap.durationMs >= 150);
    await using visitor = await open(`#/traces/${trace.traceId}`);
    const { page } = visitor;
    const pieces = page.locator('.lane.gaps .piece');
    await pieces.first().waitFor();
    const titles = await pieces.evaluateAll((all) => all.map((piece) => piece.getAttribute('title') ?? ''));
    assert.ok(
      titles.some((title) => title.startsWith(`gap in ${waitsRoute} · ${Math.round(gap.durationMs)} ms`)),
    );
    const inRow = page.locator(`#row-${gap.spanId} .gap`);
    assert.ok((await inRow.count()) > 0);
    await page.getByRole('treeitem').first().click();
    const panel = page.getByRole('complementary', { name: 'The selected span' });
    assert.match(await panel.innerText(), /Unaccounted\s+\d+/);
    assert.deepEqual(visitor.problems, []);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`fits a phone, unfolded, and can be read in the ${colorScheme}`, async () => {
      const phone = { viewport: { width: 390, height: 844 }, colorScheme };
      for (const locale of ['en-US', 'ko-KR']) {
        await using visitor = await open('#/findings', { ...phone, locale });
        const { page } = visitor;
        await page.getByRole('article').first().waitFor();
        for (const summary of await page.locator('article summary').all()) await summary.click();
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, locale);
        assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], locale);
        await page.goto(`${service.opsUrl}/profiler/#/traces/${traceOf(waitsRoute).traceId}`);
        await page.locator('.lane.gaps').waitFor();
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, locale);
        assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], locale);
      }
    });
  }
});
