import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { FAINT_TEXTS, launchBrowser, startCuttableNetwork, visit } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

const DELIVERIES = { stream: '되는 대로', sync: '한 번에', background: '맡겨 두기' } as const;
type Delivery = keyof typeof DELIVERIES;

const WORDS = '매일 야근하고 집에 오면 아무것도 못 하겠어요';
const CRISIS_WORDS = '요즘은 죽고 싶다는 생각이 자주 들어요';

/** What a test asks of the page, in the words of the page. */
function on(page: Page) {
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  return {
    tag: page.getByRole('radio', { name: '직장 내 번아웃' }),
    words: page.getByRole('textbox', { name: '조금 더 이야기해 주세요' }),
    delivery: (name: Delivery) => page.getByRole('radio', { name: DELIVERIES[name] }),
    send: button('마음 보내기'),
    cancel: button('그만두기'),
    retry: button(/^다시 시도/),
    language: button(/English|한국어/),
    more: button('더 보기'),
    title: (text: string | RegExp) => page.getByRole('heading', { level: 2, name: text }),
    persona: page.locator('.understanding'),
    empathyCards: page.locator('.deck.empathy .card'),
    reflectionCards: page.locator('.deck.reflection .card'),
    crisis: page.getByRole('region', { name: '지금, 이야기할 수 있는 곳이 있어요' }),
    steps: page.locator('.steps li'),
    earlier: page.locator('.session'),
    live: page.getByRole('status'),
  };
}

async function send(page: Page, words: string, delivery: Delivery = 'stream'): Promise<void> {
  const { tag, words: field, delivery: choice, send } = on(page);
  await tag.check();
  await field.fill(words);
  await choice(delivery).check();
  await send.click();
}

async function expectWholeSession(page: Page): Promise<void> {
  const { title, persona, empathyCards, reflectionCards, steps, earlier, live } = on(page);
  await live.filter({ hasText: '모두 도착했어요' }).waitFor({ state: 'attached' });
  await title('돌아온 메아리').waitFor();
  // The times of the steps, and the list of earlier ones, come last.
  await steps.filter({ hasText: /저장.*(\d(ms|초)|마침)$/ }).waitFor();
  await earlier.first().waitFor();
  assert.equal(await persona.count(), 1);
  assert.equal(await empathyCards.count(), 3);
  assert.equal(await reflectionCards.count(), 3);
  // The time of the last step may be recorded a moment after it has finished the session.
  assert.ok((await steps.filter({ hasText: /\d(ms|초)$/ }).count()) >= 5);
}

async function sessionsOf(page: Page, service: TestService): Promise<{ session_id: string }[]> {
  const response = await page.context().request.get(service.url + SESSIONS);
  return (await response.json()).sessions;
}

const hasFocus = (locator: Locator) =>
  locator.evaluate((element) => element === element.ownerDocument.activeElement);

describe('the page', { concurrency: 4 }, () => {
  let browser: Browser;
  let service: TestService;
  before(async () => {
    [browser, service] = await Promise.all([launchBrowser(), startTestService()]);
  });
  after(async () => {
    await browser?.close();
    await service?.[Symbol.asyncDispose]();
  });

  for (const delivery of ['stream', 'sync', 'background'] as const) {
    test(`${delivery}: a whole session, without an error, another origin, or words where they do not belong`, async () => {
      await using visitor = await visit(browser, service.url);
      await send(visitor.page, WORDS, delivery);
      await expectWholeSession(visitor.page);
      assert.deepEqual(visitor.problems, []);
      for (const trace of visitor.traces) assert.ok(!decodeURIComponent(trace).includes('야근'), trace);
    });
  }

  test('works by keyboard alone, with the focus in sight', async () => {
    await using visitor = await visit(browser, service.url);
    const { page } = visitor;
    const { tag, words, delivery, send, title, earlier } = on(page);
    await tag.waitFor();
    const tabTo = async (locator: Locator) => {
      while (!(await hasFocus(locator))) {
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(
          `[document.activeElement, document.activeElement.closest('label')]
             .map((element) => element && getComputedStyle(element).outlineStyle).join()`,
        );
        assert.match(String(outline), /solid/);
      }
    };
    await tabTo(tag);
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowDown');
    await tabTo(words);
    await page.keyboard.type(WORDS);
    await tabTo(delivery('stream'));
    await page.keyboard.press('ArrowDown');
    assert.ok(await delivery('sync').isChecked());
    await tabTo(send);
    await page.keyboard.press('Enter');
    await expectWholeSession(page);
    assert.ok(await hasFocus(title('돌아온 메아리')));

    await tabTo(earlier.getByRole('button', { name: /^열기/ }));
    await page.keyboard.press('Enter');
    await title(/의 메아리$/).waitFor();
    await tabTo(earlier.getByRole('button', { name: /^삭제/ }));
    await page.keyboard.press('Enter');
    await tabTo(earlier.getByRole('button', { name: '두기' }));
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByText('아직 없어요').waitFor();
    assert.ok(await hasFocus(title('지난 이야기')));
  });

  test('refuses 501 characters, as people count them, and a missing choice', async () => {
    await using visitor = await visit(browser, service.url);
    const { page, traces } = visitor;
    const { tag, words, send } = on(page);
    await tag.waitFor();
    await words.fill('🌱'.repeat(501));
    await send.click();
    await page.getByText('하나를 골라 주세요.').waitFor();
    assert.ok(await hasFocus(page.locator('input[name=tag]').first()));

    await tag.check();
    await send.click();
    await page.getByText('1자만 줄여 주세요.').waitFor();
    assert.equal(await words.getAttribute('aria-invalid'), 'true');
    assert.ok(await hasFocus(words));
    assert.ok(!traces.some((url) => url.endsWith(SESSIONS)), 'nothing was sent');

    await words.fill('🌱'.repeat(500));
    await page.getByText('500 / 500자').waitFor();
    await send.click();
    await expectWholeSession(page);
  });

  test('speaks English where asked to, and remembers it', async () => {
    await using visitor = await visit(browser, service.url);
    const { page } = visitor;
    await send(page, WORDS);
    await expectWholeSession(page);
    await on(page).language.click();
    await page.getByRole('heading', { level: 1, name: 'Leave what weighs on you here.' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
    assert.equal(await page.getByRole('textbox').inputValue(), WORDS);
    assert.ok(await on(page).tag.isChecked());
    // The API's texts stay Korean, and say so to a screen reader.
    const title = on(page).empathyCards.first().getByRole('heading');
    assert.match((await title.textContent()) ?? '', /[가-힣]/);
    assert.equal(await title.getAttribute('lang'), 'ko');
    assert.doesNotMatch(
      (await page.locator('[data-text]:not([lang=ko])').allTextContents()).join(' '),
      /[가-힣]/,
    );

    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Leave what weighs on you here.' }).waitFor();
    await on(page).language.click();
    await page.getByRole('heading', { level: 1, name: '지친 마음을 두고 가세요.' }).waitFor();
    assert.deepEqual(visitor.problems, []);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`fits a screen of 320 pixels, and can be read in the ${colorScheme}`, async () => {
      await using visitor = await visit(browser, service.url, {
        viewport: { width: 320, height: 640 },
        colorScheme,
      });
      const { page } = visitor;
      await send(page, CRISIS_WORDS, 'background');
      await expectWholeSession(page);
      await on(page).earlier.getByRole('button', { name: /^삭제/ }).click();
      await page.getByText('한눈에 정리').click();
      await page.locator('footer').scrollIntoViewIfNeeded();
      for (const language of ['Korean', 'English']) {
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, language);
        assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], language);
        await on(page).language.click();
      }
      const levels = await page
        .locator('h1, h2, h3, h4')
        .evaluateAll((headings) => headings.map(({ tagName }) => Number(tagName[1])));
      for (const [index, level] of levels.entries()) {
        assert.ok(level <= (levels[index - 1] ?? 0) + 1, `no level is left out: ${levels}`);
      }
    });
  }

  test('earlier sessions: a page at a time; each can be opened and deleted', async () => {
    await using visitor = await visit(browser, service.url);
    const { page } = visitor;
    const { tag, more, earlier, title, empathyCards, steps } = on(page);
    await tag.waitFor();
    for (const selected_tag_id of [2, 3, 4, 6, 7, 8]) {
      const response = await page
        .context()
        .request.post(service.url + SESSIONS, { data: { selected_tag_id } });
      assert.equal(response.status(), 201);
    }
    await page.reload();
    await earlier.nth(4).waitFor();
    assert.equal(await earlier.count(), 5);
    await more.click();
    await earlier.nth(5).waitFor();
    assert.ok(await more.isHidden());

    await earlier.nth(5).getByRole('button', { name: /^열기/ }).click();
    await title(/의 메아리$/).waitFor();
    await steps.first().waitFor();
    assert.equal(await empathyCards.count(), 3);
    await earlier.nth(5).getByRole('button', { name: /^삭제/ }).click();
    await earlier.nth(5).getByRole('button', { name: '지우기' }).click();
    await title('이런 답이 돌아와요').waitFor();
    await earlier.nth(4).waitFor();
    assert.equal(await empathyCards.count(), 0);
    assert.equal((await sessionsOf(page, service)).length, 5);
    assert.deepEqual(visitor.problems, []);
  });

  test('an answer that was lost on its way is asked for again with its key: one session', async () => {
    await using visitor = await visit(browser, service.url);
    const { page } = visitor;
    const { retry } = on(page);
    await page.route(`**${SESSIONS}`, async (route) => {
      if (route.request().method() === 'POST') await route.fetch();
      await route.abort();
    });
    await send(page, WORDS, 'sync');
    await page.getByText('서버에 닿지 않아요.').waitFor();
    await page.unroute(`**${SESSIONS}`);
    const [replay] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST'),
      retry.click(),
    ]);
    assert.equal(replay.headers()['idempotency-replayed'], 'true');
    await expectWholeSession(page);
    assert.equal((await sessionsOf(page, service)).length, 1);
    // The same words sent once more, on purpose, are a new session.
    await send(page, WORDS, 'sync');
    await on(page).earlier.nth(1).waitFor();
    assert.equal((await sessionsOf(page, service)).length, 2);
  });

  test('says that it is offline, and logs in again when the login has ended', async () => {
    await using visitor = await visit(browser, service.url);
    const { page } = visitor;
    await on(page).tag.waitFor();
    await page.context().setOffline(true);
    await send(page, WORDS);
    await page.getByText('인터넷 연결이 끊겼어요.').waitFor();
    await page.context().setOffline(false);
    await page.context().clearCookies();
    await on(page).retry.click();
    await expectWholeSession(page);
  });
});

describe('the page, with a service that is', { concurrency: 4 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser?.close());

  /** A service whose writer waits for the test. */
  async function startHeld(env: Record<string, string> = {}) {
    const held = createHeldWriter();
    const service = await startTestService(env, { writer: held.writer });
    return {
      held,
      service,
      async [Symbol.asyncDispose]() {
        held.releaseAll();
        await service[Symbol.asyncDispose]();
      },
    };
  }

  test('slow: a stream shows each part as it is ready, and a cut connection loses and repeats nothing', async () => {
    await using api = await startHeld();
    await using network = await startCuttableNetwork(api.service.url);
    await using visitor = await visit(browser, network.url);
    const { page } = visitor;
    const { persona, empathyCards, reflectionCards, cancel } = on(page);
    await send(page, WORDS);
    await page.getByText(/약 \d+초 남았어요/).waitFor();
    await api.held.until(() => api.held.calls.length === 3);
    api.held.release('persona');
    await persona.waitFor();
    assert.equal((await empathyCards.count()) + (await reflectionCards.count()), 0);
    // What the reader has in front of them stays the same element, whatever arrives later.
    await persona.evaluate((element) => element.setAttribute('data-seen', ''));

    const again = page.waitForRequest(/\/events\?after=2$/);
    network.cut();
    await again;
    assert.ok(await cancel.isVisible(), 'a cut is no error');
    api.held.release('reflection');
    await reflectionCards.nth(2).waitFor();
    network.cut();
    api.held.releaseAll();
    await expectWholeSession(page);
    assert.equal(await page.locator('.understanding[data-seen]').count(), 1);
    assert.equal(api.held.calls.length, 3);
  });

  test('slow: in the background there is a receipt, and the steps finish one by one', async () => {
    await using api = await startHeld();
    await using visitor = await visit(browser, api.service.url);
    const { page } = visitor;
    await send(page, CRISIS_WORDS, 'background');
    await page.getByText(/접수 번호 [0-9a-f-]{36}/).waitFor();
    await on(page).crisis.getByRole('link', { name: /109/ }).waitFor();
    await api.held.until(() => api.held.calls.length === 3);
    api.held.release('persona');
    await on(page)
      .steps.filter({ hasText: /페르소나.*\d(ms|초)$/ })
      .waitFor();
    await on(page).steps.filter({ hasText: '공감 카드하는 중' }).waitFor();
    api.held.releaseAll();
    await expectWholeSession(page);
    assert.ok(await on(page).crisis.isVisible());
    assert.deepEqual(visitor.problems, []);
  });

  test('slower than a request may wait: sync goes on by asking', async () => {
    await using api = await startHeld({ SESSION_SYNC_WAIT_MS: '50' });
    await using visitor = await visit(browser, api.service.url);
    const { page } = visitor;
    const accepted = page.waitForResponse((response) => response.status() === 202);
    const asked = page.waitForRequest(/\/status$/);
    await send(page, WORDS, 'sync');
    await accepted;
    assert.equal((await asked).headers().prefer, 'wait=20');
    api.held.releaseAll();
    await expectWholeSession(page);
  });

  for (const delivery of ['stream', 'sync', 'background'] as const) {
    test(`not wanted any more: cancelling ${delivery} stops the work and deletes it`, async () => {
      await using api = await startHeld();
      await using visitor = await visit(browser, api.service.url);
      const { page } = visitor;
      const { cancel, title, live } = on(page);
      await send(page, WORDS, delivery);
      await api.held.until(() => api.held.calls.length === 3);
      await cancel.click();
      await live.filter({ hasText: '그만두었고' }).waitFor({ state: 'attached' });
      await title('이런 답이 돌아와요').waitFor();
      await api.held.until(() => api.held.aborted.length === 3);
      const left = await eventually(async () => {
        const [row] = await api.service.container.database('meari_sessions').count({ count: '*' });
        return row;
      });
      assert.equal(Number(left.count), 0);
    });
  }

  test('asked too often: says so, counts down, and offers to try again', async () => {
    await using service = await startTestService({ RATE_LIMIT_PER_MINUTE: '1' });
    await using visitor = await visit(browser, service.url);
    const { page } = visitor;
    const { retry } = on(page);
    await page.clock.install();
    await send(page, WORDS);
    await expectWholeSession(page);
    await send(page, WORDS, 'sync');
    const alert = page.getByRole('alert').filter({ hasText: '요청이 너무 잦아요.' });
    await alert.waitFor();
    assert.ok(await retry.isDisabled());
    assert.match((await retry.textContent()) ?? '', /\(\d+초 후\)/);
    const details = page.getByText('RATE_LIMITED');
    assert.ok(await details.isHidden());
    await page.getByText('개발자용 정보').click();
    assert.match((await details.textContent()) ?? '', /trace_id [0-9a-f]{32}/);
    await page.clock.fastForward('01:01');
    await page.getByRole('button', { name: '다시 시도', exact: true }).click();
    await alert.waitFor();
  });

  for (const delivery of ['stream', 'sync'] as const) {
    test(`worried: ${delivery} shows where to get help`, async () => {
      await using api = await startHeld();
      await using visitor = await visit(browser, api.service.url);
      const { page } = visitor;
      const { crisis } = on(page);
      await send(page, CRISIS_WORDS, delivery);
      // A stream says it in its first line, before any of the work is done; sync has one answer.
      if (delivery === 'sync') api.held.releaseAll();
      await crisis.waitFor();
      const links = await crisis
        .getByRole('link')
        .evaluateAll((all) => all.map((link) => link.getAttribute('href')));
      assert.ok(links.includes('tel:109') && links.includes('tel:1577-0199'));
      api.held.releaseAll();
      await expectWholeSession(page);
      assert.equal(await crisis.count(), 1);
      assert.ok((await page.locator('#result').innerText()).startsWith('지금, 이야기할 수 있는 곳이 있어요'));
    });
  }

  test('worried, and the session fails: the error shows where to get help', async () => {
    const writer = { ...createHeldWriter().writer, persona: () => Promise.reject(new Error('no words')) };
    await using service = await startTestService({}, { writer });
    await using visitor = await visit(browser, service.url);
    await send(visitor.page, CRISIS_WORDS, 'sync');
    await visitor.page.getByRole('alert').waitFor();
    assert.ok(await on(visitor.page).crisis.isVisible());
  });
});
