import { get } from './client.js';
import { el } from './dom.js';
import { findingLine } from './finding.js';
import { bytes, micros, moment, ms, number, percent } from './format.js';
import { emptyState, figures, firstRequest, meter, routeLink, table } from './pieces.js';
import { t } from './texts.js';
import { verdictView } from './verdict.js';

/** @import { Address } from './address.js' */
/** @import { CacheReport, Overview, RouteSummary, SelfCost, StoreStatistics } from '../model.ts' */

/** @param {Address} address @returns {import('./main.js').View} */
export function overviewView({ query }) {
  return {
    title: t('overview'),
    every: 4000,
    load: () => get('overview'),
    draw(/** @type {Overview} */ { verdict, routes, findings, caches, store, selfCost, process }) {
      if (query.get('at') === 'cost') {
        query.delete('at');
        queueMicrotask(() => document.getElementById('own-cost')?.scrollIntoView());
      }
      return [
        verdict
          ? verdictView(verdict)
          : emptyState(t(routes.length > 0 ? 'noVerdict' : 'emptyTitle'), firstRequest()),
        el('div', { class: 'columns' }, routesPanel(routes), findingsPanel(findings)),
        el('div', { class: 'columns' }, costPanel(selfCost), storePanel(store, process)),
        caches.length > 0 ? cachesPanel(caches) : el('span', { hidden: true }),
      ];
    },
  };
}

/** @param {readonly RouteSummary[]} routes */
function routesPanel(routes) {
  const whole = routes.reduce((sum, { totalMs }) => sum + totalMs, 0);
  const rows = routes.map(({ route, requests, durationMs, totalMs }) => [
    [routeLink(route), meter(totalMs / whole)],
    number(requests),
    ms(durationMs.p50),
    ms(durationMs.p95),
    ms(totalMs),
  ]);
  return el(
    'section',
    { class: 'panel stack' },
    el('div', { class: 'heading' }, el('h2', {}, t('routesByTime')), el('a', { href: '#/routes' }, t('all'))),
    rows.length > 0
      ? table([t('route'), `#${t('requests')}`, '#p50', '#-p95', `#-${t('inAll')}`], rows, t('routesByTime'))
      : el('p', { class: 'soft' }, t('noRoutes')),
  );
}

/** @param {readonly import('../model.ts').FindingGroup[]} findings */
function findingsPanel(findings) {
  return el(
    'section',
    { class: 'panel stack' },
    el('div', { class: 'heading' }, el('h2', {}, t('findings')), el('a', { href: '#/findings' }, t('all'))),
    findings.length > 0
      ? el('ul', { class: 'stack' }, findings.map(findingLine))
      : el('p', { class: 'soft' }, t('noFindings')),
  );
}

/** @param {SelfCost} cost */
function costPanel({
  mode,
  sampledRequests,
  microsPerRequest,
  microsAfterAnswer,
  limitMicros,
  bytesPerRequest,
  timesDegraded,
  resumesAt,
  explanation,
}) {
  const degraded = mode === 'metrics-only';
  const state = el(
    'span',
    { class: `badge ${degraded ? 'is-warning' : 'is-good'}` },
    t(degraded ? 'modeMetricsOnly' : 'modeFull'),
  );
  return el(
    'section',
    { class: 'panel stack', id: 'own-cost' },
    el('div', { class: 'heading' }, el('h2', {}, t('ownCost')), state),
    el(
      'p',
      { class: 'soft' },
      t(degraded ? 'modeMetricsOnlyText' : 'modeFullText', { limit: micros(limitMicros) }),
    ),
    degraded && el('p', {}, explanation),
    degraded && resumesAt
      ? el('p', {}, t('resumes', { time: ms(Math.max(0, resumesAt - Date.now())) }))
      : null,
    sampledRequests === 0
      ? el('p', { class: 'soft' }, t('costUnmeasured'))
      : figures(
          [t('perRequest'), micros(microsPerRequest), t('ofLimit', { limit: micros(limitMicros) })],
          [t('afterAnswer'), micros(microsAfterAnswer)],
          [t('memoryPerRequest'), bytes(bytesPerRequest)],
          [t('timesDegraded'), number(timesDegraded)],
        ),
    sampledRequests > 0 && meter(microsPerRequest / limitMicros, degraded ? 'is-warning' : 'is-good'),
  );
}

/** @param {StoreStatistics} store @param {Overview['process']} process */
function storePanel(store, { service, pid, startedAt, node }) {
  /** @type {[import('./texts.js').TextKey, number][]} */
  const lost = [
    ['evictedTraces', store.evictedTraces],
    ['droppedTraces', store.droppedTraces],
    ['thinnedTraces', store.thinnedTraces],
    ['lostSpans', store.droppedSpans],
    ['truncatedAttributes', store.truncatedAttributes],
    ['overflowedRoutes', store.overflowedRoutes],
  ];
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('kept')),
    el('p', { class: 'soft' }, t('processLine', { service, pid, node, since: moment(startedAt) })),
    figures(
      [t('memory'), bytes(store.bytes), t('ofBudget', { budget: bytes(store.budgetBytes) })],
      [t('traces'), number(store.traces), t('pinnedCount', { count: number(store.pinned) })],
      [t('openTraces'), number(store.openTraces)],
      [t('routes'), number(store.routes)],
    ),
    meter(store.bytes / store.budgetBytes),
    el(
      'p',
      { class: 'soft' },
      `${t('notKept')} `,
      lost.map(([name, value]) => `${t(name)} ${number(value)}`).join(' · '),
    ),
  );
}

/** @param {readonly CacheReport[]} caches */
function cachesPanel(caches) {
  const rows = caches.map(({ cache, lookups, hitRate, misses, coalesced, netSavingMs }) => [
    el('code', {}, cache),
    number(lookups),
    [percent(hitRate), meter(hitRate, hitRate < 0.5 ? 'is-warning' : 'is-good')],
    number(misses),
    number(coalesced),
    netSavingMs === undefined ? '–' : ms(netSavingMs),
  ]);
  return el(
    'section',
    { class: 'panel stack' },
    el('h2', {}, t('caches')),
    table(
      [
        t('cache'),
        `#${t('lookups')}`,
        `#${t('hitRate')}`,
        `#-${t('misses')}`,
        `#-${t('coalesced')}`,
        `#${t('netSaving')}`,
      ],
      rows,
      t('caches'),
    ),
  );
}
