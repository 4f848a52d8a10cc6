import { addressOf } from './address.js';
import { el } from './dom.js';
import { findingAdvice, findingTitle, savingView } from './finding.js';
import { ms, percent } from './format.js';
import { routeName, stepName } from './pieces.js';
import { currentLanguage, t } from './texts.js';

/** @import { Verdict } from '../model.ts' */

/** The sentence that the page is there for. @param {Verdict} verdict */
function sentence({ route, step }) {
  const parts = t('verdict', { route: '{route}', step: '{step}' }).split(/(\{route\}|\{step\})/);
  return parts.map((part) => {
    if (part === '{route}') return el('span', { lang: 'en' }, routeName(route));
    return part === '{step}'
      ? el('strong', {}, step === '(own work)' ? t('ownWorkLong') : stepName(step))
      : part;
  });
}

/** What is of another step, or of the whole run, is no reason for this one: it is the next thing to do. @param {Verdict} verdict @returns {[string, any]} */
function whyRow({ step, reason, elsewhere }) {
  if (reason?.about.includes(step)) return [t('why'), findingTitle(reason)];
  const next = reason ?? elsewhere;
  return next ? [t('bestKnown'), findingTitle(next)] : [t('why'), t('whyUnknown')];
}

/** @param {Verdict} verdict @param {{ heading?: string }} [options] */
export function verdictView(verdict, { heading = 'h1' } = {}) {
  const { route, shareAtP50, shareAtP95, msAtP50 } = verdict;
  const reason = verdict.reason ?? verdict.elsewhere;
  const advice = reason && findingAdvice(reason);
  const rows = [
    [
      t('howMuch'),
      t('shareOfPath', { share: percent(shareAtP50), time: ms(msAtP50), p95: percent(shareAtP95) }),
    ],
    whyRow(verdict),
    reason?.callSite && [t('where'), el('code', {}, reason.callSite)],
    advice && [t('whatToDo'), advice],
    reason && [t('wouldSave'), savingView(reason) ?? t('savingUnknown')],
  ];
  return el(
    'section',
    { class: 'panel verdict', lang: currentLanguage() },
    el(heading, {}, sentence(verdict)),
    el(
      'dl',
      {},
      rows.flatMap((row) => (row ? [el('dt', {}, row[0]), el('dd', {}, row[1])] : [])),
    ),
    el(
      'div',
      { class: 'row' },
      reason?.traceId &&
        el(
          'a',
          { class: 'button primary', href: addressOf('traces', reason.traceId, { span: reason.spanIds[0] }) },
          t('showEvidence'),
        ),
      heading === 'h1' && el('a', { class: 'button', href: addressOf('routes', route) }, t('showRoute')),
      el(
        'a',
        { class: 'button', href: addressOf('traces', undefined, { route, order: 'slowest' }) },
        t('showSlowest'),
      ),
      !reason && el('a', { class: 'button', href: addressOf('cpu') }, t('takeProfile')),
    ),
  );
}
