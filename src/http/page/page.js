import {
  ApiError,
  cancelSession,
  deleteSession,
  deliverInBackground,
  deliverStream,
  deliverSync,
  getSession,
  getSteps,
  getTags,
  listSessions,
  logIn,
} from './page-client.js';
import { readForm, renderForm } from './page-form.js';
import { currentLanguage, dateAndTime, seconds, switchLanguage, t } from './page-texts.js';
import {
  crisisView,
  empathyView,
  errorView,
  historyItemView,
  personaView,
  reflectionView,
  retryState,
  setText,
  stepsView,
} from './page-view.js';

const DELIVERIES = { stream: deliverStream, sync: deliverSync, background: deliverInBackground };
const SESSIONS_PAGE = 5;

const $ = (id) => document.getElementById(id);

/** What is on the page beside the form. The views are made from it alone, again on a change of language. */
const state = {
  tags: [],
  /** The delivery under way: `{ request, controller, sessionId, startedAt, dueAt }`. */
  run: undefined,
  /** What has arrived of the session on show. */
  shown: {},
  /** `{ error, retryAt, retry }` */
  failure: undefined,
  sessions: [],
  nextCursor: null,
};

/** The request that may be sent again with its key: the API answers with the same session then. */
let unanswered;

// --- sending -------------------------------------------------------------------------------------------------------

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const filled = readForm();
  if (filled && !state.run) send({ ...filled, idempotencyKey: keyFor(filled) });
});

function keyFor({ tagId, text }) {
  const again = unanswered?.tagId === tagId && unanswered.text === text;
  return again ? unanswered.idempotencyKey : newKey();
}

function newKey() {
  // `randomUUID` is there on https and localhost only; the service may be looked at on a plain address.
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join('-');
}

async function send(request) {
  const controller = new AbortController();
  const { signal } = controller;
  const run = { request, controller, sessionId: undefined, startedAt: Date.now(), dueAt: undefined };
  unanswered = request;
  Object.assign(state, { run, shown: {}, failure: undefined });
  renderResult();
  goToResult();
  announce(t('announceStarted'));
  const show = (update) => signal.aborted || showUpdate(run, update);
  try {
    const session = await DELIVERIES[request.delivery](request, { show, signal });
    unanswered = undefined;
    endRun();
    showSession(session);
    announce(t('announceDone', { time: secondsSince(run.startedAt) }));
  } catch (error) {
    if (signal.aborted) return;
    // After a failure that the API told, the same key would find the same failed session.
    if (!error.unanswered) unanswered = undefined;
    endRun();
    fail(error, () => send({ ...request, idempotencyKey: keyFor(request) }));
    return;
  }
  await Promise.all([showSteps(state.shown.sessionId), orFail(() => loadSessions())]);
}

function endRun() {
  const keepFocus = document.activeElement === $('cancel');
  state.run = undefined;
  renderWait();
  if (keepFocus) $('result-title').focus();
}

$('cancel').addEventListener('click', async () => {
  const { request, sessionId, controller } = state.run;
  controller.abort();
  unanswered = undefined;
  state.shown = {};
  endRun();
  renderResult();
  await orFail(async () => {
    await cancelSession(request, sessionId);
    announce(t('announceCancelled'));
  });
});

// --- the result ----------------------------------------------------------------------------------------------------

function showUpdate(run, { sessionId, estimatedSeconds, ...parts }) {
  run.sessionId = sessionId ?? run.sessionId;
  if (estimatedSeconds !== undefined) run.dueAt = Date.now() + estimatedSeconds * 1000;
  Object.assign(state.shown, parts);
  renderWait();
  for (const [key, value] of Object.entries(parts)) {
    if (value === undefined) continue;
    renderPart(key);
    if (key in PARTS && key !== 'steps') announce(t('announcePart', { name: t(PARTS[key].name) }));
  }
  // Above all else, also above what the user is reading.
  if (parts.crisisSupport) goToResult();
}

/** What a stream has brought already stays as it is on the page. */
function showSession({ session_id, persona, cards, crisis_support, degraded }, openedAt) {
  const news = crisis_support && !state.shown.crisisSupport;
  const whole = {
    sessionId: session_id,
    openedAt,
    persona,
    ...cards,
    crisisSupport: crisis_support,
    degraded,
  };
  state.shown = { ...whole, ...state.shown };
  renderResult();
  if (news) goToResult();
}

/** How long each step took: worth showing, nothing to fail for. */
async function showSteps(sessionId) {
  const steps = await getSteps(sessionId).catch(() => undefined);
  if (!steps || state.shown.sessionId !== sessionId) return;
  state.shown.steps = steps;
  renderPart('steps');
}

const PARTS = {
  crisisSupport: { slot: 'crisis', view: crisisView, name: 'crisisTitle' },
  persona: { slot: 'persona', view: personaView, name: 'persona' },
  empathy: { slot: 'empathy', view: empathyView, name: 'empathy' },
  reflection: { slot: 'reflection', view: reflectionView, name: 'reflection' },
  steps: { slot: 'steps', view: stepsView, name: 'steps' },
};

/** What each slot shows: a part that is there already is not made anew under its reader's eyes. */
const onPage = new Map();

function renderPart(key) {
  const { slot, view } = PARTS[key];
  const value = state.shown[key];
  const made = onPage.get(slot);
  if (made?.value === value && made?.language === currentLanguage()) return;
  onPage.set(slot, { value, language: currentLanguage() });
  $(slot).replaceChildren(...(value ? [view(value)] : []));
}

function renderResult() {
  const empty = !state.run && !state.failure && !state.shown.sessionId;
  const { openedAt } = state.shown;
  $('welcome').hidden = !empty;
  $('result-title').textContent = empty
    ? t('welcomeTitle')
    : openedAt
      ? t('openedTitle', { time: dateAndTime(openedAt) })
      : t('resultTitle');
  for (const key of Object.keys(PARTS)) renderPart(key);
  $('degraded').textContent = state.shown.degraded ? t('degraded') : '';
  renderFailure();
  renderWait();
}

/** Reading and tabbing go on at the result; on a phone it is below the form. */
function goToResult() {
  $('result-title').focus({ preventScroll: true });
  const { top } = $('result').getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) $('result').scrollIntoView();
}

function fail(error, retry) {
  // A mistake of this page: for the console, and for the user an error like any other.
  if (!(error instanceof ApiError)) {
    reportError(error);
    fail(new ApiError({ error_code: 'PAGE' }), retry);
    return;
  }
  if (error.crisisSupport) state.shown.crisisSupport = error.crisisSupport;
  state.failure = { error, retryAt: Date.now() + error.retryAfterSeconds * 1000, retry };
  renderResult();
  goToResult();
}

function renderFailure() {
  const { failure } = state;
  const retry = () => {
    state.failure = undefined;
    renderResult();
    goToResult();
    failure.retry();
  };
  $('error').replaceChildren(
    ...(failure ? [errorView(failure.error, secondsUntil(failure.retryAt), retry)] : []),
  );
}

function renderWait() {
  const { run } = state;
  $('wait').hidden = !run;
  $('send').disabled = Boolean(run);
  for (const open of document.querySelectorAll('.open')) open.disabled = Boolean(run);
  if (!run) return;
  const left = secondsUntil(run.dueAt);
  const background = run.request.delivery === 'background' && run.sessionId;
  $('receipt').textContent = background ? `${t('receipt')} ${run.sessionId}` : '';
  $('elapsed').textContent = t('elapsed', { time: secondsSince(run.startedAt) });
  $('estimate').textContent = left > 0 ? `· ${t('estimate', { time: seconds(left) })}` : '';
  setText($('wait-hint'), run.dueAt !== undefined && left === 0 ? t('overdue') : t('waitHint'));
}

function secondsSince(time) {
  return seconds(Math.floor((Date.now() - time) / 1000));
}

function secondsUntil(time) {
  return time === undefined ? 0 : Math.max(0, Math.ceil((time - Date.now()) / 1000));
}

setInterval(() => {
  if (state.run) renderWait();
  const retry = $('retry');
  if (retry && state.failure) Object.assign(retry, retryState(secondsUntil(state.failure.retryAt)));
}, 1000);

// --- earlier sessions ----------------------------------------------------------------------------------------------

async function loadSessions(cursor) {
  const page = await listSessions(SESSIONS_PAGE, cursor);
  state.sessions = cursor ? [...state.sessions, ...page.sessions] : page.sessions;
  state.nextCursor = page.next_cursor;
  renderSessions();
}

function renderSessions() {
  const items = state.sessions.map((session) =>
    historyItemView(session, {
      open: () => openSession(session.session_id),
      remove: () => removeSession(session.session_id),
    }),
  );
  $('sessions').replaceChildren(...items);
  renderWait();
  $('history-empty').hidden = items.length > 0;
  $('more').hidden = state.nextCursor === null;
}

$('more').addEventListener('click', async () => {
  const before = state.sessions.length;
  await orFail(() => loadSessions(state.nextCursor));
  $('sessions').children[before]?.querySelector('button').focus();
});

function openSession(sessionId) {
  return orFail(async () => {
    const session = await getSession(sessionId);
    Object.assign(state, { failure: undefined, shown: {} });
    showSession(session, session.timestamp);
    goToResult();
    await showSteps(sessionId);
  });
}

function removeSession(sessionId) {
  return orFail(async () => {
    await deleteSession(sessionId);
    if (state.shown.sessionId === sessionId) {
      state.shown = {};
      renderResult();
    }
    await loadSessions();
    $('history-title').focus();
    announce(t('announceDeleted'));
  });
}

/** Does it, and shows what went wrong with a button that does it again. */
async function orFail(work) {
  try {
    await work();
  } catch (error) {
    fail(error, () => orFail(work));
  }
}

// --- language and start --------------------------------------------------------------------------------------------

function renderTexts() {
  document.documentElement.lang = currentLanguage();
  document.title = t('pageTitle');
  for (const element of document.querySelectorAll('[data-text]'))
    element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll('[data-placeholder]')) {
    element.placeholder = t(element.dataset.placeholder);
  }
  $('language').lang = currentLanguage() === 'ko' ? 'en' : 'ko';
}

function renderAll() {
  renderTexts();
  renderForm(state.tags);
  renderResult();
  renderSessions();
}

$('language').addEventListener('click', () => {
  switchLanguage();
  renderAll();
});

function announce(text) {
  setText($('live'), text);
}

async function start() {
  await logIn();
  const [{ tags }] = await Promise.all([getTags(), loadSessions()]);
  state.tags = tags;
  renderForm(tags);
}

renderAll();
$('history-empty').hidden = true;
await orFail(start);
