import { addressOf, rememberQuery } from './address.js';
import { get } from './client.js';
import { el, replaceContent } from './dom.js';
import { choicesOf, filtersForm, ruleChoices } from './filters.js';
import { number } from './format.js';
import { emptyState, firstRequest } from './pieces.js';
import { t } from './texts.js';
import { tracesTable } from './traces-table.js';

/** @import { Address } from './address.js' */
/** @import { TracePage } from '../model.ts' */

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
  return filtersForm(
    filters,
    [
      {
        name: 'text',
        label: t('searchTraces'),
        input: { type: 'search', placeholder: t('searchTracesHint') },
      },
      { name: 'route', label: t('route'), choices: choicesOf(routes) },
      {
        name: 'status',
        label: t('status'),
        choices: choicesOf(['ok', 'error'], (status) => t(status === 'ok' ? 'ok' : 'error')),
      },
      { name: 'rule', label: t('finding'), choices: ruleChoices() },
      {
        name: 'minDurationMs',
        label: t('atLeastMs'),
        input: { type: 'number', min: 0, inputMode: 'numeric' },
      },
      {
        name: 'order',
        label: t('order'),
        choices: [
          ['', t('newest')],
          ['slowest', t('slowest')],
        ],
      },
    ],
    change,
  );
}
