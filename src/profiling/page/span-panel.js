import { el } from './dom.js';
import { findingTitle } from './finding.js';
import { ms, percent } from './format.js';
import { t, textOf } from './texts.js';
import { categoryOf } from './waterfall-model.js';

/** @import { TraceDetail, WaterfallRow } from '../model.ts' */

/** All that is known of one span. @param {WaterfallRow} row @param {TraceDetail} trace */
export function spanPanel(row, { durationMs: whole, findingDetails, gaps }) {
  const {
    id,
    name,
    kind,
    step,
    startMs,
    durationMs,
    selfMs,
    criticalMs,
    wait,
    status,
    callSite,
    attributes,
    events,
  } = row;
  const { 'db.query.text': statement, ...others } = attributes;
  const found = findingDetails.filter(({ spanIds }) => spanIds.includes(id));
  const unaccounted = gaps
    .filter(({ spanId }) => spanId === id)
    .reduce((sum, gap) => sum + gap.durationMs, 0);
  /** @type {[string, any][]} */
  const facts = [
    [t('step'), step && el('code', {}, step)],
    [t('kind'), textOf(`category.${categoryOf(row)}`)],
    [t('begins'), ms(startMs)],
    [t('duration'), `${ms(durationMs)} (${percent(whole > 0 ? durationMs / whole : 0)})`],
    [t('selfTime'), ms(selfMs)],
    [t('onCriticalPath'), criticalMs > 0 ? el('strong', { class: 'path-text' }, ms(criticalMs)) : t('no')],
    [t('waitsFor'), wait && t(`wait.${wait}`)],
    [t('unaccounted'), unaccounted > 0 && ms(unaccounted)],
    [t('status'), status === 'error' && el('span', { class: 'badge is-critical' }, t('error'))],
    [t('callSite'), callSite && el('code', {}, callSite)],
  ];
  return [
    el('h2', { class: 'span-name' }, name),
    statement !== undefined && el('pre', { class: 'statement' }, String(statement)),
    factsView(facts),
    found.map((finding) =>
      el(
        'p',
        { class: `finding is-${finding.severity}` },
        el('a', { href: `#/findings/${finding.fingerprint}` }, findingTitle(finding)),
      ),
    ),
    Object.keys(others).length > 0 && [
      el('h3', {}, t('attributes')),
      factsView(Object.entries(others).map(([key, value]) => [key, el('code', {}, String(value))])),
    ],
    events.length > 0 && [
      el('h3', {}, t('events')),
      el(
        'ul',
        { class: 'stack' },
        events.map((event) =>
          el(
            'li',
            {},
            el('code', {}, event.name),
            ` ${ms(event.atMs)}`,
            factsView(
              Object.entries(event.attributes).map(([key, value]) => [key, el('code', {}, String(value))]),
            ),
          ),
        ),
      ),
    ],
    el('p', {}, el('small', { class: 'mono' }, `${kind} ${id}`)),
  ]
    .flat(2)
    .filter(Boolean);
}

/** @param {[string, any][]} entries */
function factsView(entries) {
  return el(
    'dl',
    { class: 'facts' },
    entries
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}
