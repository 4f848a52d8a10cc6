import { get } from './client.js';
import { el } from './dom.js';
import { ms, number, percent } from './format.js';
import { emptyState, firstRequest, meter, routeLink, table } from './pieces.js';
import { t } from './texts.js';

/** @import { RouteSummary } from '../model.ts' */

/** @returns {import('./main.js').View} */
export function routesView() {
  return {
    title: t('routes'),
    every: 4000,
    load: () => get('routes'),
    draw(/** @type {{ routes: RouteSummary[] }} */ { routes }) {
      if (routes.length === 0)
        return [el('h1', {}, t('routes')), emptyState(t('emptyTitle'), firstRequest())];
      const whole = routes.reduce((sum, { totalMs }) => sum + totalMs, 0);
      return [
        el('h1', {}, t('routes')),
        el(
          'section',
          { class: 'panel' },
          table(
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
          ),
        ),
      ];
    },
  };
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
    verdict ? [el('code', {}, verdict.step), ' ', el('small', {}, percent(verdict.shareAtP50))] : '–',
  ];
}
