import { addressOf, rememberQuery } from './address.js';
import { get, post } from './client.js';
import { el, replaceContent } from './dom.js';
import { choicesOf, filtersForm, ruleChoices } from './filters.js';
import { findingTitle, findingView, isFound } from './finding.js';
import { moment, number } from './format.js';
import { emptyState } from './pieces.js';
import { t, textOf } from './texts.js';

/** @import { Address } from './address.js' */
/** @import { FindingGroup } from '../model.ts' */

const FIELDS = ['text', 'severity', 'rule', 'route'];

/** @param {Address} address the id of one finding opens it. @returns {import('./main.js').View} */
export function findingsView({ id, query }) {
  /** @type {Record<string, string>} */
  const filters = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? '']));
  /** @type {readonly FindingGroup[]} */
  let all = [];
  const list = el('div', { class: 'stack' });
  const choices = el('div');
  const load = () => get('findings');
  let first = true;

  function drawList(/** @type {{ findings: readonly FindingGroup[] }} */ { findings }) {
    all = findings;
    if (all.length > 0 && !choices.firstChild) choices.append(filtersView());
    drawFound();
  }

  function drawFound() {
    const findings = all.filter(({ worst }) => isFound(worst, filters));
    const isFiltered = findings.length < all.length;
    const loud = findings.filter(({ mutedReason }) => mutedReason === undefined);
    const muted = findings.filter(({ mutedReason }) => mutedReason !== undefined);
    const views = (/** @type {FindingGroup[]} */ groups) =>
      groups.map((group) => groupView(group, { open: group.fingerprint === id, changed }));
    const sections = [
      loud.length > 0
        ? el('section', { class: 'panel stack' }, views(loud))
        : isFiltered
          ? emptyState(t('noFindingMatches'), el('p', {}, el('a', { href: '#/findings' }, t('clearFilters'))))
          : emptyState(t('noFindings'), el('p', { class: 'soft' }, t('noFindingsText'))),
    ];
    if (muted.length > 0) {
      sections.push(
        el('section', { class: 'panel stack muted' }, el('h2', {}, t('mutedTitle')), views(muted)),
      );
    }
    const found = t('findingsMatching', { shown: number(findings.length), all: number(all.length) });
    replaceContent(list, [
      ...(isFiltered && findings.length > 0 ? [el('p', { class: 'soft', role: 'status' }, found)] : []),
      ...sections,
    ]);
    if (first && id) queueMicrotask(() => document.getElementById(`finding-${id}`)?.scrollIntoView());
    first = false;
  }

  function filtersView() {
    const routes = [...new Set(all.map(({ worst }) => worst.route))].filter(Boolean).toSorted();
    return filtersForm(
      filters,
      [
        {
          name: 'text',
          label: t('searchTraces'),
          input: { type: 'search', placeholder: t('searchFindingsHint') },
        },
        {
          name: 'severity',
          label: t('severity'),
          choices: choicesOf(
            ['critical', 'warning', 'info'],
            (severity) => textOf(`severity.${severity}`) ?? severity,
          ),
        },
        { name: 'rule', label: t('finding'), choices: ruleChoices() },
        { name: 'route', label: t('route'), choices: choicesOf(routes) },
      ],
      (name, value) => {
        filters[name] = value;
        rememberQuery(filters);
        drawFound();
      },
    );
  }

  async function changed(/** @type {string} */ fingerprint) {
    drawList(await load());
    /** @type {HTMLElement | null | undefined} */ (
      document.getElementById(`finding-${fingerprint}`)?.querySelector('button')
    )?.focus();
  }

  return {
    title: t('findings'),
    every: 4000,
    load,
    redraw: drawList,
    draw(data) {
      drawList(data);
      return [el('h1', {}, t('findings')), el('p', { class: 'soft' }, t('findingsText')), choices, list];
    },
  };
}

/** @param {FindingGroup} group @param {{ open: boolean, changed: (fingerprint: string) => Promise<void> }} options */
function groupView(
  { worst, fingerprint, occurrences, firstSeenAt, lastSeenAt, traceIds, mutedReason },
  { open, changed },
) {
  const seen = t(occurrences === 1 ? 'inOneTrace' : 'inTraces', { count: number(occurrences) });
  const more = el(
    'div',
    { class: 'stack' },
    el(
      'p',
      { class: 'soft' },
      `${seen} · ${t('seen', { first: moment(firstSeenAt), last: moment(lastSeenAt) })}`,
    ),
    traceIds.length > 1 &&
      el(
        'p',
        { class: 'row' },
        el('small', {}, t('traces')),
        traceIds.map((traceId) =>
          el('a', { href: addressOf('traces', traceId) }, el('code', {}, traceId.slice(0, 8))),
        ),
      ),
    mutedReason === undefined ? muteView() : unmuteView(),
  );

  function muteView() {
    const input = el('input', {
      name: 'reason',
      required: true,
      maxLength: 500,
      'aria-label': t('muteReason'),
      placeholder: t('muteReason'),
    });
    const form = el(
      'form',
      {
        class: 'inline',
        hidden: true,
        async onsubmit(/** @type {Event} */ event) {
          event.preventDefault();
          await post(`findings/${encodeURIComponent(fingerprint)}/mute`, { reason: input.value });
          await changed(fingerprint);
        },
      },
      input,
      el('button', { type: 'submit', class: 'primary' }, t('mute')),
      el('button', { type: 'button', onclick: () => toggle(false) }, t('cancel')),
    );
    const button = el(
      'button',
      { type: 'button', onclick: () => toggle(true), 'aria-label': `${t('muteIt')}: ${findingTitle(worst)}` },
      t('muteIt'),
    );
    const toggle = (/** @type {boolean} */ on) => {
      form.hidden = !on;
      button.hidden = on;
      (on ? input : button).focus();
    };
    return el('div', {}, button, form);
  }

  function unmuteView() {
    return el(
      'p',
      { class: 'row' },
      el('span', {}, t('mutedBecause', { reason: mutedReason ?? '' })),
      el(
        'button',
        {
          type: 'button',
          async onclick() {
            await post(`findings/${encodeURIComponent(fingerprint)}/unmute`);
            await changed(fingerprint);
          },
        },
        t('unmute'),
      ),
    );
  }

  const view = findingView(worst, { open, more });
  view.id = `finding-${fingerprint}`;
  return view;
}
