import { rememberQuery } from './address.js';
import { get } from './client.js';
import { el, replaceContent } from './dom.js';
import { ms, number, percent } from './format.js';
import { emptyState, firstRequest, meter, routeLink, stepName, stepText, table } from './pieces.js';
import { t } from './texts.js';

/** @import { RouteSummary } from '../model.ts' */

/** @import { Address } from './address.js' */
/** @import { Order } from './pieces.js' */

/** @param {Address} address @returns {import('./main.js').View} */
export function routesView({ query }) {
  /** @type {Order} */
  const order = { column: -1, descending: false };
  const list = el('div', { class: 'stack' });
  let routes = /** @type {readonly RouteSummary[]} */ ([]);
  let text = query.get('text') ?? '';

  function drawList() {
    const found = routes.filter(({ route }) => route.toLowerCase().includes(text.toLowerCase()));
    const whole = routes.reduce((sum, { totalMs }) => sum + totalMs, 0);
    replaceContent(list, [
      found.length > 0
        ? el('section', { class: 'panel' }, tableOf(found, whole, order))
        : routes.length > 0
          ? emptyState(t('noRouteMatches'))
          : emptyState(t('emptyTitle'), firstRequest()),
    ]);
  }

  return {
    title: t('routes'),
    every: 4000,
    load: () => get('routes'),
    redraw(/** @type {{ routes: RouteSummary[] }} */ data) {
      routes = data.routes;
      drawList();
    },
    draw(/** @type {{ routes: RouteSummary[] }} */ data) {
      routes = data.routes;
      drawList();
      const search = el('input', {
        type: 'search',
        'aria-label': t('searchRoutes'),
        placeholder: t('searchRoutes'),
        value: text,
        oninput(/** @type {any} */ { target }) {
          text = target.value;
          rememberQuery({ text });
          drawList();
        },
      });
      return [el('div', { class: 'heading' }, el('h1', {}, t('routes')), search), list];
    },
  };
}

/** @param {readonly RouteSummary[]} routes @param {number} whole @param {Order} order */
function tableOf(routes, whole, order) {
  return table(
    [
      t('route'),
      `#${t('requests')}`,
      `#-${t('errors')}`,
      '#p50',
      '#p95',
      '#-p99',
      `#-${t('statements')}`,
      `#-${t('shareOfAll')}`,
      `-${t('bottleneck')}`,
    ],
    routes.map((route) => cells(route, whole)),
    t('routes'),
    { values: routes.map(valuesOf), order },
  );
}

/** What the cells are sorted by. @param {RouteSummary} summary */
function valuesOf({ route, requests, errors, durationMs, statementsPerRequest, totalMs, verdict }) {
  const { p50, p95, p99 } = durationMs;
  return [
    route,
    requests,
    errors,
    p50,
    p95,
    p99,
    statementsPerRequest,
    totalMs,
    verdict ? stepText(verdict.step) : '',
  ];
}

/** @param {RouteSummary} summary @param {number} whole */
function cells({ route, kind, requests, errors, durationMs, statementsPerRequest, totalMs, verdict }, whole) {
  return [
    [routeLink(route), kind !== 'server' && [' ', el('span', { class: 'badge' }, t('job'))]].flat(),
    number(requests),
    errors > 0 ? el('span', { class: 'badge is-critical' }, number(errors)) : '0',
    ms(durationMs.p50),
    ms(durationMs.p95),
    ms(durationMs.p99),
    number(statementsPerRequest, { maximumFractionDigits: 1 }),
    [percent(totalMs / whole), meter(totalMs / whole)],
    verdict ? [stepName(verdict.step), ' ', el('small', {}, percent(verdict.shareAtP50))] : '–',
  ];
}
