import { addressOf } from './address.js';
import { el } from './dom.js';
import { ms, number, percent } from './format.js';
import { routeLink } from './pieces.js';
import { t, textOf } from './texts.js';

/** A finding in the language on show: composed from its rule and evidence. */

/** @import { Finding, FindingGroup } from '../model.ts' */

const SHARES = new Set(['share', 'hitRate']);

/** @param {string} name @param {string | number | readonly string[]} value */
function evidenceText(name, value) {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') return listText(name, value);
  if (SHARES.has(name)) return percent(value);
  return name.endsWith('Ms') ? ms(value) : number(value);
}

/** In an order, by what each has to wait for, or just some. @param {string} name @param {readonly string[]} values */
function listText(name, values) {
  if (name === 'order') return values.join(' → ');
  return name === 'schedule' ? values.join(' · ').replaceAll(' after ', ' ← ') : values.join(', ');
}

/** What a text may say of a finding. @param {Finding} finding */
function valuesOf({ evidence, count, timeMs, savingMs, step }) {
  const values = Object.entries(evidence).map(([name, value]) => [name, evidenceText(name, value)]);
  return {
    step: step ?? '',
    ...Object.fromEntries(values),
    count: number(count),
    time: ms(timeMs),
    saving: savingMs === undefined ? '' : ms(savingMs),
  };
}

/** One of several requests is another problem than one in itself, and says so. @param {Finding} finding */
export function findingTitle(finding) {
  const { rule, evidence, title } = finding;
  const isAcross = evidence.requests !== undefined;
  return textOf(`${rule}.${isAcross ? 'titleAcross' : 'title'}`, valuesOf(finding)) ?? title;
}

/** What to do about it. @param {Finding} finding */
export function findingAdvice(finding) {
  return textOf(`${finding.rule}.advice`, valuesOf(finding));
}

/** @param {Finding} finding */
export function ruleName({ rule }) {
  return textOf(`${rule}.name`) ?? rule;
}

/** From now to then. @param {Finding} finding */
export function savingView({ evidence, savingMs }) {
  if (savingMs === undefined || savingMs <= 0) return null;
  const { nowMs, predictedMs } = evidence;
  if (typeof nowMs !== 'number' || typeof predictedMs !== 'number') {
    return el('span', { class: 'before-after' }, el('strong', {}, t('saves', { time: ms(savingMs) })));
  }
  return el(
    'span',
    { class: 'before-after' },
    el('span', {}, ms(nowMs)),
    el('span', { 'aria-hidden': 'true' }, '→'),
    el('strong', {}, ms(predictedMs)),
    el('small', {}, t('saves', { time: ms(savingMs) })),
  );
}

/** Where it is: a line, or what a finding is about that has none. @param {Finding} finding @returns {any} */
function placeView({ callSite, evidence: { cache } }) {
  if (callSite !== undefined) return el('code', {}, callSite);
  return typeof cache === 'string' && el('span', {}, `${t('cache')} `, el('code', {}, cache));
}

/**
 * Whether it is among what somebody has chosen; the text is one of its words on show, its line or its evidence.
 *
 * @param {Finding} finding @param {Record<string, string>} filters
 */
export function isFound(finding, { text = '', severity, rule, route }) {
  if (severity && finding.severity !== severity) return false;
  if (rule && finding.rule !== rule) return false;
  if (route && finding.route !== route) return false;
  const { callSite, route: ownRoute, step, evidence } = finding;
  const words = [
    findingTitle(finding),
    ruleName(finding),
    callSite,
    ownRoute,
    step,
    ...Object.values(evidence),
  ];
  return words.some((word) =>
    String(word ?? '')
      .toLowerCase()
      .includes(text.toLowerCase()),
  );
}

/** @param {Finding} finding @returns {any} */
export function severityBadge({ severity }) {
  return el('span', { class: `badge is-${severity}` }, t(`severity.${severity}`));
}

/** @param {Finding} finding */
function evidenceView({ evidence }) {
  const entries = Object.entries(evidence).filter(([, value]) => value !== '');
  return el(
    'dl',
    { class: 'evidence' },
    entries.flatMap(([name, value]) => [
      el('dt', {}, textOf(`evidence.${name}`) ?? name),
      el('dd', {}, name === 'statement' ? el('pre', {}, String(value)) : evidenceText(name, value)),
    ]),
  );
}

/**
 * @param {Finding} finding
 * @param {{ withRoute?: boolean, open?: boolean, withTrace?: boolean, more?: any }} [options]
 */
export function findingView(finding, { withRoute = true, open = false, withTrace = true, more } = {}) {
  const { rule, severity, route, step, traceId, spanIds } = finding;
  return el(
    'article',
    { class: `finding is-${severity}` },
    el('div', { class: 'row' }, severityBadge(finding), el('small', {}, ruleName(finding))),
    el('h3', {}, findingTitle(finding)),
    el(
      'div',
      { class: 'row soft' },
      placeView(finding),
      savingView(finding),
      withRoute && route && routeLink(route),
      withTrace &&
        traceId &&
        el('a', { href: addressOf('traces', traceId, { span: spanIds[0] }) }, t('showInTrace')),
    ),
    findingAdvice(finding) && el('p', {}, findingAdvice(finding)),
    rule === 'event-loop-blocked' &&
      el('p', {}, el('a', { href: addressOf('cpu', undefined, { step, route }) }, t('takeProfile'))),
    el('details', { open }, el('summary', {}, t('evidence')), evidenceView(finding)),
    more,
  );
}

/** For lists: one line of each. @param {FindingGroup} group */
export function findingLine({ worst, occurrences, fingerprint }) {
  return el(
    'li',
    { class: `finding is-${worst.severity}` },
    el('a', { href: addressOf('findings', fingerprint) }, findingTitle(worst)),
    el(
      'div',
      { class: 'row soft' },
      severityBadge(worst),
      placeView(worst),
      savingView(worst),
      el('small', {}, t(occurrences === 1 ? 'inOneTrace' : 'inTraces', { count: number(occurrences) })),
    ),
  );
}
