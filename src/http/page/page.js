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
import { currentLanguage, dateAndTime, seconds, switchLanguage, t } from './page-texts.js';
import {
  crisisView,
  empathyView,
  errorView,
  historyItemView,
  majorTagView,
  personaView,
  reflectionView,
  retryState,
  stepsView,
} from './page-view.js';

const DELIVERIES = { stream: deliverStream, sync: deliverSync, background: deliverInBackground };
/** Code points, as the API counts. `maxlength` counts UTF-16 units: an emoji would be two. */
const TEXT_LIMIT = 500;
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
  const request = readForm();
  if (request && !state.run) send(request);
});

/** The request, or undefined after the first field to correct has the focus. */
function readForm() {
  const form = new FormData($('form'));
  const tagId = Number(form.get('tag'));
  const text = $('text').value.trim();
  $('tag-error').textContent = tagId ? '' : t('tagMissing');
  if (!tagId) document.querySelector('input[name=tag]')?.focus();
  else if (!checkText()) $('text').focus();
  else return { tagId, text, delivery: form.get('delivery'), idempotencyKey: keyFor(tagId, text) };
}

function keyFor(tagId, text) {
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
  $('result-title').focus();
  announce(t('announceStarted'));
  const show = (update) => signal.aborted || showUpdate(run, update);
  try {
    const session = await DELIVERIES[request.delivery](request, { show, signal });
    unanswered = undefined;
    endRun();
    showSession(session);
    announce(t('announceDone', { time: seconds(Math.round((Date.now() - run.startedAt) / 1000)) }));
    await Promise.all([showSteps(session.session_id), loadSessions()]);
  } catch (error) {
    if (signal.aborted) return;
    // After a failure that the API told, the same key would find the same failed session.
    if (!error.unanswered) unanswered = undefined;
    endRun();
    fail(error, () => send({ ...request, idempotencyKey: keyFor(request.tagId, request.text) }));
  }
}

function endRun() {
  const keepFocus = document.activeElement === $('cancel');
  state.run = undefined;
  renderWait();
  renderSessions();
  if (keepFocus) $('result-title').focus();
}

$('cancel').addEventListener('click', async () => {
  const { request, sessionId, controller } = state.run;
  controller.abort();
  unanswered = undefined;
  Object.assign(state, { shown: {} });
  endRun();
  renderResult();
  const remove = async () => {
    try {
      await cancelSession(request, sessionId);
      announce(t('announceCancelled'));
    } catch (error) {
      fail(error, remove);
    }
  };
  await remove();
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
  if (parts.crisisSupport) $('crisis').scrollIntoView({ block: 'nearest' });
}

function showSession({ session_id, timestamp, persona, cards, crisis_support }, openedAt) {
  const { steps } = state.shown;
  state.shown = {
    sessionId: session_id,
    timestamp,
    openedAt,
    persona,
    ...cards,
    crisisSupport: crisis_support,
    steps,
  };
  renderResult();
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

function renderPart(key) {
  const { slot, view } = PARTS[key];
  const value = state.shown[key];
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
  renderFailure();
  renderWait();
}

function fail(error, retry) {
  if (!(error instanceof ApiError)) throw error;
  state.failure = { error, retryAt: Date.now() + error.retryAfterSeconds * 1000, retry };
  renderResult();
}

function renderFailure() {
  const { failure } = state;
  const retry = () => {
    state.failure = undefined;
    renderResult();
    $('result-title').focus();
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
  $('form').setAttribute('aria-busy', String(Boolean(run)));
  if (!run) return;
  const left = secondsUntil(run.dueAt);
  const background = run.request.delivery === 'background' && run.sessionId;
  $('receipt').textContent = background ? `${t('receipt')} ${run.sessionId}` : '';
  $('elapsed').textContent = t('elapsed', { time: seconds(Math.floor((Date.now() - run.startedAt) / 1000)) });
  $('estimate').textContent = left > 0 ? `· ${t('estimate', { time: seconds(left) })}` : '';
  setText($('wait-hint'), run.dueAt !== undefined && left === 0 ? t('overdue') : t('waitHint'));
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
  $('history-empty').hidden = items.length > 0;
  $('more').hidden = state.nextCursor === null;
}

$('more').addEventListener('click', async () => {
  const before = state.sessions.length;
  await orFail(() => loadSessions(state.nextCursor));
  $('sessions').children[before]?.querySelector('button').focus();
});

function openSession(sessionId) {
  if (state.run) return;
  return orFail(async () => {
    const session = await getSession(sessionId);
    Object.assign(state, { failure: undefined, shown: {} });
    showSession(session, session.timestamp);
    $('result-title').focus();
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

// --- the form ------------------------------------------------------------------------------------------------------

/** Shows how much is written, and whether it is too much. */
function checkText() {
  const count = [...$('text').value.trim()].length;
  const over = count - TEXT_LIMIT;
  $('counter').textContent = t('counter', { count, limit: TEXT_LIMIT });
  $('counter').classList.toggle('over', over > 0);
  $('text').setAttribute('aria-invalid', String(over > 0));
  setText($('text-error'), over > 0 ? t('textTooLong', { over, limit: TEXT_LIMIT }) : '');
  return over <= 0;
}

$('text').addEventListener('input', checkText);
$('tags').addEventListener('change', () => setText($('tag-error'), ''));

function renderTags() {
  const chosen = Number(document.querySelector('input[name=tag]:checked')?.value);
  for (const old of $('tags').querySelectorAll('.major')) old.remove();
  $('tags').append(...state.tags.map((major) => majorTagView(major, chosen)));
  $('tags-loading').hidden = state.tags.length > 0;
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
  setText($('tag-error'), '');
  checkText();
}

function renderAll() {
  renderTexts();
  renderTags();
  renderResult();
  renderSessions();
}

$('language').addEventListener('click', () => {
  switchLanguage();
  renderAll();
});

/** Assigning an unchanged text would make a screen reader say it again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function announce(text) {
  setText($('live'), text);
}

async function start() {
  await logIn();
  const [{ tags }] = await Promise.all([getTags(), loadSessions()]);
  state.tags = tags;
  renderTags();
}

renderAll();
$('history-empty').hidden = true;
await orFail(start);
