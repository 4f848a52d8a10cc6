import { readAddress } from './address.js';
import { get } from './client.js';
import { byId, el, replaceContent, setText } from './dom.js';
import { micros } from './format.js';
import { currentLanguage, switchLanguage, t } from './texts.js';
import { applyTheme, switchTheme } from './theme.js';
import { cpuView } from './view-cpu.js';
import { findingsView } from './view-findings.js';
import { liveView } from './view-live.js';
import { overviewView } from './view-overview.js';
import { routeView } from './view-route.js';
import { routesView } from './view-routes.js';
import { traceView } from './view-trace.js';
import { tracesView } from './view-traces.js';

/**
 * What a view is: how to load what it shows, and how to draw it. With `every` it is loaded again after so many
 * milliseconds, and drawn again when it has changed.
 *
 * @typedef {object} View
 * @property {string} title
 * @property {() => Promise<any>} load
 * @property {(data: any) => Node[]} draw
 * @property {(data: any) => void} [redraw] for a view with parts that stay, such as a form
 * @property {number} [every]
 */

/** @import { Address } from './address.js' */
/** @import { SelfCost } from '../model.ts' */

/** @type {Record<string, (address: Address) => View>} */
const VIEWS = {
  '': overviewView,
  routes: (address) => (address.id ? routeView(address) : routesView(address)),
  traces: (address) => (address.id ? traceView(address) : tracesView(address)),
  findings: findingsView,
  cpu: cpuView,
  live: liveView,
};

/** @type {[view: string, text: import('./texts.js').TextKey][]} */
const NAVIGATION = [
  ['', 'overview'],
  ['routes', 'routes'],
  ['traces', 'traces'],
  ['findings', 'findings'],
  ['cpu', 'cpu'],
  ['live', 'liveNow'],
];

const COST_EVERY_MS = 10_000;

const main = byId('view');
/** Counts the views shown: what an earlier one still loads is not drawn into a later one. */
let visit = 0;
let timer = 0;

async function show() {
  visit += 1;
  clearTimeout(timer);
  const current = visit;
  const address = readAddress();
  drawFrame(address.view);
  const view = (VIEWS[address.view] ?? overviewView)(address);
  document.title = `${view.title} · ${t('brand')}`;
  main.setAttribute('aria-busy', 'true');
  const drawn = await load(view, current, undefined);
  if (current !== visit) return;
  main.removeAttribute('aria-busy');
  setText(byId('live'), view.title);
  if (view.every) timer = window.setTimeout(() => again(view, current, drawn), view.every);
}

/** @param {View} view @param {number} current @param {string | undefined} before */
async function again(view, current, before) {
  const isWanted = document.visibilityState === 'visible' && !isBeingRead();
  const drawn = isWanted ? await load(view, current, before) : before;
  if (current === visit) timer = window.setTimeout(() => again(view, current, drawn), view.every);
}

/** Somebody types, has unfolded something or marks a text: what is new can wait. */
function isBeingRead() {
  return (
    Boolean(main.querySelector('form.inline:focus-within, details[open]')) || !getSelection()?.isCollapsed
  );
}

/**
 * @param {View} view @param {number} current @param {string | undefined} before
 * @returns {Promise<string | undefined>} what is drawn now.
 */
async function load(view, current, before) {
  try {
    const data = await view.load();
    const text = JSON.stringify(data);
    if (current !== visit || text === before) return text;
    if (before !== undefined && view.redraw) view.redraw(data);
    else replaceContent(main, view.draw(data));
    return text;
  } catch (error) {
    if (current === visit) replaceContent(main, [problemView(error)]);
    return undefined;
  }
}

/** @param {any} error */
function problemView(error) {
  const isKnown = typeof error?.code === 'string';
  if (!isKnown) reportError(error);
  const away = error?.code === 'NETWORK';
  return el(
    'section',
    { class: 'panel empty', role: 'alert' },
    el('h1', {}, t(away ? 'awayTitle' : error?.code === 'NOT_FOUND' ? 'goneTitle' : 'problemTitle')),
    el('p', {}, away ? t('awayText') : isKnown ? error.message : t('problemText')),
    el('button', { type: 'button', class: 'primary', onclick: () => show() }, t('tryAgain')),
  );
}

/** What stays around every view. @param {string} [shown] */
function drawFrame(shown = readAddress().view) {
  document.documentElement.lang = currentLanguage();
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = t(/** @type {any} */ (element).dataset.text);
  }
  for (const element of document.querySelectorAll('[data-label]')) {
    const label = t(/** @type {any} */ (element).dataset.label);
    element.setAttribute('aria-label', label);
    if (element.tagName === 'BUTTON') element.setAttribute('title', label);
  }
  byId('language').lang = currentLanguage() === 'ko' ? 'en' : 'ko';
  byId('navigation').replaceChildren(
    ...NAVIGATION.map(([view, text]) =>
      el('a', { href: `#/${view}`, 'aria-current': view === shown ? 'page' : undefined }, t(text)),
    ),
  );
}

/** In sight on every view: what the profiler itself takes, and whether it has stepped back. */
async function showCost() {
  clearTimeout(costTimer);
  costTimer = window.setTimeout(showCost, COST_EVERY_MS);
  if (document.visibilityState !== 'visible') return;
  /** @type {SelfCost | undefined} */
  const cost = await get('self-cost').catch(() => undefined);
  if (!cost) return;
  const { mode, microsPerRequest, explanation, sampledRequests } = cost;
  const degraded = mode === 'metrics-only';
  const link = byId('cost');
  link.classList.toggle('degraded', degraded);
  link.title = explanation;
  const measured =
    sampledRequests > 0 ? t('costShort', { time: micros(microsPerRequest) }) : t('ownCostShort');
  setText(link, degraded ? t('costDegraded') : measured);
}
let costTimer = 0;

addEventListener('hashchange', () => {
  show();
  // A new view begins at its top, for the eyes and for the keyboard.
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
byId('skip').addEventListener('click', (/** @type {Event} */ event) => {
  event.preventDefault();
  main.focus();
});
byId('language').addEventListener('click', () => {
  switchLanguage();
  show();
  showCost();
});
byId('theme').addEventListener('click', switchTheme);

applyTheme();
show();
showCost();
