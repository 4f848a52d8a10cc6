import { addressOf, rememberQuery } from './address.js';
import { get } from './client.js';
import { el, replaceContent } from './dom.js';
import { number } from './format.js';
import { emptyState, firstRequest } from './pieces.js';
import { t, textOf } from './texts.js';
import { tracesTable } from './traces-table.js';

/** @import { Address } from './address.js' */
/** @import { TracePage } from '../model.ts' */

const RULES = [
  'n-plus-one',
  'redundant-reads',
  'redis-n-plus-one',
  'http-n-plus-one',
  'sequential-steps',
  'slow-statement',
  'pool-exhausted',
  'model-dominates',
  'identical-prompts',
  'cache-not-paying',
  'event-loop-blocked',
];
const FIELDS = ['text', 'route', 'status', 'rule', 'minDurationMs', 'order', 'finding'];

/** @param {Address} address @returns {import('./main.js').View} */
export function tracesView({ query }) {
  const results = el('div', { class: 'stack' });
  /** @type {Record<string, string>} */
  const filters = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? '']));

  async function load() {
    const asked = { ...filters, limit: 200 };
    const [page, { routes }] = await Promise.all([
      get(addressOf('traces', undefined, asked).slice(2)),
      get('routes'),
    ]);
    return { page, routes: routes.map((/** @type {{ route: string }} */ { route }) => route) };
  }

  function drawResults(/** @type {TracePage} */ { traces, matching }) {
    const isFiltered = FIELDS.some((name) => name !== 'order' && filters[name]);
    if (traces.length === 0) {
      const clear = el('p', {}, el('a', { href: '#/traces' }, t('clearFilters')));
      replaceContent(results, [
        isFiltered ? emptyState(t('noMatch'), clear) : emptyState(t('emptyTitle'), firstRequest()),
      ]);
      return;
    }
    const found = t('matching', { shown: number(traces.length), all: number(matching) });
    replaceContent(results, [
      el('p', { class: 'soft', role: 'status' }, found),
      el('section', { class: 'panel' }, tracesTable(traces)),
    ]);
  }

  async function filter(/** @type {string} */ name, /** @type {string} */ value) {
    filters[name] = value;
    rememberQuery(filters);
    const asked = JSON.stringify(filters);
    const { page } = await load();
    // Somebody types faster than the process answers.
    if (asked === JSON.stringify(filters)) drawResults(page);
  }

  return {
    title: t('traces'),
    every: 4000,
    load,
    redraw: ({ page }) => drawResults(page),
    draw({ page, routes }) {
      drawResults(page);
      return [el('h1', {}, t('traces')), filtersView(filters, routes, filter), results];
    },
  };
}

/**
 * @param {Record<string, string>} filters @param {string[]} routes
 * @param {(name: string, value: string) => Promise<void>} change
 */
function filtersView(filters, routes, change) {
  const input = (/** @type {string} */ name, /** @type {string} */ label, /** @type {any} */ options = {}) =>
    el(
      'label',
      { class: name === 'text' ? 'search' : undefined },
      label,
      el('input', {
        name,
        value: filters[name],
        oninput: (/** @type {any} */ { target }) => change(name, target.value),
        ...options,
      }),
    );
  const select = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {[string, string][]} */ choices,
  ) =>
    el(
      'label',
      {},
      label,
      el(
        'select',
        { name, onchange: (/** @type {any} */ { target }) => change(name, target.value) },
        choices.map(([value, text]) => el('option', { value, selected: value === filters[name] }, text)),
      ),
    );
  return el(
    'form',
    {
      class: 'panel filters',
      role: 'search',
      onsubmit: (/** @type {Event} */ event) => event.preventDefault(),
    },
    input('text', t('searchTraces'), { type: 'search', placeholder: t('searchTracesHint') }),
    select('route', t('route'), [
      ['', t('any')],
      ...routes.map((/** @type {string} */ route) => /** @type {[string, string]} */ ([route, route])),
    ]),
    select('status', t('status'), [
      ['', t('any')],
      ['ok', t('ok')],
      ['error', t('error')],
    ]),
    select('rule', t('finding'), [
      ['', t('any')],
      ...RULES.map((rule) => /** @type {[string, string]} */ ([rule, textOf(`${rule}.name`) ?? rule])),
    ]),
    input('minDurationMs', t('atLeastMs'), { type: 'number', min: 0, inputMode: 'numeric' }),
    select('order', t('order'), [
      ['', t('newest')],
      ['slowest', t('slowest')],
    ]),
  );
}
