import { el } from './dom.js';
import { t, textOf } from './texts.js';

/** What chooses from a long list: texts to search for, and choices. */

/** @typedef {[value: string, text: string]} Choice */
/** @typedef {{ name: string, label: string, choices?: Choice[], input?: Record<string, any> }} Field */

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

/** @returns {Choice} */
const any = () => ['', t('any')];

/** @returns {Choice[]} */
export const ruleChoices = () => [
  any(),
  ...RULES.map((rule) => /** @type {Choice} */ ([rule, textOf(`${rule}.name`) ?? rule])),
];

/** @param {readonly string[]} values @param {(value: string) => string} [say] @returns {Choice[]} */
export const choicesOf = (values, say = (value) => value) => [
  any(),
  ...values.map((value) => /** @type {Choice} */ ([value, say(value)])),
];

/**
 * @param {Record<string, string>} filters what is chosen, by name
 * @param {Field[]} fields
 * @param {(name: string, value: string) => unknown} change
 */
export function filtersForm(filters, fields, change) {
  return el(
    'form',
    {
      class: 'panel filters',
      role: 'search',
      onsubmit: (/** @type {Event} */ event) => event.preventDefault(),
    },
    fields.map((field) =>
      el(
        'label',
        { class: field.input?.type === 'search' ? 'search' : undefined },
        field.label,
        field.choices ? select(field, field.choices) : input(field),
      ),
    ),
  );

  /** @param {Field} field */
  function input({ name, input: options }) {
    return el('input', {
      name,
      value: filters[name],
      oninput: (/** @type {any} */ { target }) => change(name, target.value),
      ...options,
    });
  }

  /** @param {Field} field @param {Choice[]} choices */
  function select({ name }, choices) {
    return el(
      'select',
      { name, onchange: (/** @type {any} */ { target }) => change(name, target.value) },
      choices.map(([value, text]) => el('option', { value, selected: value === filters[name] }, text)),
    );
  }
}
