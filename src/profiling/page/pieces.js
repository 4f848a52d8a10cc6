import { addressOf } from './address.js';
import { el } from './dom.js';
import { ms, number, percent } from './format.js';
import { t } from './texts.js';

/** Small things that several views show. */

/** @import { Percentiles, TraceSummary } from '../model.ts' */

/** `POST /api/v1/things/:id`, or the name of a job. @param {string} route */
export function routeName(route) {
  const [, method, path] = /^([A-Z]+) (\/.*)$/.exec(route) ?? [];
  if (!method) return [el('code', {}, route || t('noRoute'))];
  return [el('code', { class: 'method' }, method), el('code', {}, path)];
}

/** What is no step is said in the language on show: a request's own work, and steps beyond the limit. @param {string} step */
export function stepText(step) {
  if (step === '(own work)') return t('ownWork');
  return step === '(other steps)' ? t('furtherSteps') : step;
}

/** @param {string} step */
export function stepName(step) {
  const text = stepText(step);
  return text === step ? el('code', { lang: 'en' }, step) : el('span', {}, text);
}

/** @param {string} route */
export function routeLink(route) {
  return el('a', { class: 'route', href: addressOf('routes', route) }, routeName(route));
}

/** @param {number} share of 1 @param {string} [tone] class that sets the colour */
export function meter(share, tone = '') {
  const part = `${Math.min(100, Math.max(0, share * 100)).toFixed(2)}%`;
  return el(
    'span',
    { class: `meter ${tone}`, 'aria-hidden': 'true' },
    el('span', { style: { '--part': part } }),
  );
}

/** @param {...[name: string, value: any, note?: string]} entries */
export function figures(...entries) {
  return el(
    'dl',
    { class: 'figures' },
    entries.map(([name, value, note]) =>
      el('div', {}, el('dt', {}, name), el('dd', {}, value, note && el('small', {}, note))),
    ),
  );
}

/** @param {Percentiles} durations @returns {[string, string][]} */
export function percentiles({ p50, p95, p99, max }) {
  return [
    ['p50', ms(p50)],
    ['p95', ms(p95)],
    ['p99', ms(p99)],
    [t('max'), ms(max)],
  ];
}

/**
 * By which column a table is sorted; kept by the view, so that it stays when the view is drawn again.
 *
 * @typedef {{ column: number, descending: boolean }} Order
 */

/**
 * @param {string[]} columns names; one that begins with `#` is of numbers, with `-` only shown where there is room.
 * @param {(any[] | (() => any[]))[]} rows cells, or what makes them once the row is shown
 * @param {string} label for whoever does not see it
 * @param {{ values: (string | number)[][], order: Order, limit?: number }} [sorting] what the cells are sorted by, row by
 *   row, and how many rows of them all are shown; without it the order is that of the rows, for good.
 */
export function table(columns, rows, label, sorting) {
  const kinds = columns.map((column) => /^[#-]*/.exec(column)?.[0] ?? '');
  const classOf = (/** @type {number} */ index) =>
    [kinds[index]?.includes('#') && 'number', kinds[index]?.includes('-') && 'wide']
      .filter(Boolean)
      .join(' ') || undefined;
  /** @type {any[]} */
  const drawn = [];
  const drawRow = (/** @type {number} */ place) => {
    const cells = rows[place];
    drawn[place] ??= el(
      'tr',
      {},
      (typeof cells === 'function' ? cells() : (cells ?? [])).map(
        (/** @type {any} */ cell, /** @type {number} */ index) => el('td', { class: classOf(index) }, cell),
      ),
    );
    return drawn[place];
  };
  const body = el('tbody');
  const names = columns.map((column) => column.replace(/^[#-]*/, ''));
  const heads = names.map((name, index) =>
    el(
      'th',
      { scope: 'col', class: classOf(index) },
      sorting ? el('button', { type: 'button', class: 'sort', onclick: () => sortBy(index) }, name) : name,
    ),
  );

  /** The biggest number first, the first letter first; and the other way round the next time. @param {number} column */
  function sortBy(column) {
    if (!sorting) return;
    const { order, values } = sorting;
    const isAgain = order.column === column;
    order.descending = isAgain ? !order.descending : typeof values[0]?.[column] === 'number';
    order.column = column;
    sort();
  }

  function sort() {
    const places = rows.map((_, place) => place);
    const { values = [], order, limit } = sorting ?? {};
    if (order && order.column >= 0) {
      const { column, descending } = order;
      const valueAt = (/** @type {number} */ place) => values[place]?.[column] ?? '';
      const sign = descending ? -1 : 1;
      places.sort((a, b) => sign * compare(valueAt(a), valueAt(b)));
      heads.forEach((head, index) => {
        if (index === column) head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
        else head.removeAttribute('aria-sort');
      });
    }
    body.replaceChildren(...places.slice(0, limit).map(drawRow));
  }

  sort();
  return el('table', { 'aria-label': label }, el('thead', {}, el('tr', {}, heads)), body);
}

/** @param {string | number} a @param {string | number} b */
function compare(a, b) {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

/** What to do where there is nothing yet. @param {string} title @param {...any} content */
export function emptyState(title, ...content) {
  return el('section', { class: 'panel empty' }, el('h2', {}, title), ...content);
}

/** A request to send, for whoever has none yet. */
export function firstRequest() {
  return el('p', { class: 'soft' }, t('emptyHow'));
}

/** @param {TraceSummary} trace */
export function traceBadges({
  status,
  httpStatus,
  findings,
  pinned,
  continuesElsewhere,
  unfinished,
  droppedSpans,
}) {
  const badge = (/** @type {string} */ tone, /** @type {string} */ text, /** @type {string} */ title = '') =>
    el('span', { class: `badge ${tone}`, title }, text);
  return [
    status === 'error' && badge('is-critical', String(httpStatus ?? t('error'))),
    status === 'ok' && httpStatus !== undefined && badge('', String(httpStatus)),
    findings.length > 0 &&
      badge(
        'is-warning',
        t(findings.length === 1 ? 'oneFinding' : 'someFindings', { count: findings.length }),
      ),
    pinned && badge('is-info', t(pinned === 'slow' ? 'pinnedSlow' : 'pinnedError'), t('pinnedWhy')),
    unfinished && badge('', t('unfinished'), t('unfinishedWhy')),
    continuesElsewhere && badge('', t('elsewhere'), t('elsewhereWhy')),
    droppedSpans > 0 && badge('is-warning', t('droppedSpans', { count: number(droppedSpans) })),
  ];
}

/**
 * What the step of a verdict is of the critical path, told once for the eye and once for the ear.
 *
 * @param {{ shareAtP50: number, shareAtP95: number, msAtP50: number }} verdict
 */
export function shareOf({ shareAtP50, shareAtP95, msAtP50 }) {
  return [
    t('shareOfPath', { share: percent(shareAtP50), time: ms(msAtP50), p95: percent(shareAtP95) }),
    meter(shareAtP50, 'is-critical'),
  ];
}

/** Colours for the steps of one list, in its order. @param {number} index */
export const toneOf = (index) => `tone-${index % 9}`;
