import { el, setText } from './dom.js';
import { percent } from './format.js';
import { t } from './texts.js';

/** @import { FlameNode } from '../cpu/model.ts' */

/**
 * A box where it stands: parts of 1 of the whole from the left.
 *
 * @typedef {{ node: FlameNode, parent: Box | undefined, children: Box[], depth: number, left: number, width: number, id: string }} Box
 */

const ROW = 20;
/** Boxes narrower than this part of what is in sight are left out: they could be neither seen nor hit. */
const LEAST_WIDTH = 0.0012;

/** Whose code it is, which gives the colour. @param {Pick<FlameNode, 'file'>} frame */
export function originOf({ file }) {
  if (file === '') return 'engine';
  if (file.startsWith('node:')) return 'node';
  return file.includes('node_modules') ? 'package' : 'application';
}

/** @param {Pick<FlameNode, 'file' | 'line'>} frame */
export function placeOf({ file, line }) {
  if (file === '') return '';
  return line > 0 ? `${file}:${line}` : file;
}

/**
 * Boxes from the callers down to the called, as wide as what was sampled in them. A box can be made the whole width.
 *
 * @param {FlameNode} root
 * @param {{ format: (value: number) => string }} options
 */
export function createFlameGraph(root, { format }) {
  const top = layOut(root);
  let zoomed = top;
  let selected = top;
  let text = '';

  const sheet = el('div', {
    class: 'flame',
    role: 'tree',
    tabIndex: 0,
    'aria-label': t('flameGraph'),
    'aria-describedby': 'flame-keys',
  });
  const details = el('p', { class: 'flame-details', 'aria-live': 'polite' });
  const reset = el('button', { type: 'button', onclick: () => zoom(top) }, t('showWhole'));
  const found = el('small', { role: 'status' });
  sheet.addEventListener('keydown', onKey);

  /** @param {Box} box */
  function isFound({ node }) {
    return text !== '' && `${node.name} ${placeOf(node)}`.toLowerCase().includes(text);
  }

  function draw() {
    /** @type {Box[]} */
    const shown = [];
    for (let box = zoomed.parent; box; box = box.parent) shown.push(box);
    const waiting = [zoomed];
    for (let box = waiting.pop(); box; box = waiting.pop()) {
      if (box.width / zoomed.width < LEAST_WIDTH) continue;
      shown.push(box);
      waiting.push(...box.children);
    }
    const depth = Math.max(...shown.map((box) => box.depth));
    sheet.style.height = `${(depth + 1) * ROW}px`;
    sheet.replaceChildren(...shown.map(boxView));
    sheet.setAttribute('aria-activedescendant', selected.id);
    reset.hidden = zoomed === top;
    describe(selected);
  }

  /** @param {Box} box */
  function boxView(box) {
    const { node, depth, id } = box;
    const isAbove = depth < zoomed.depth;
    const left = isAbove ? 0 : (box.left - zoomed.left) / zoomed.width;
    const width = isAbove ? 1 : box.width / zoomed.width;
    return el(
      'div',
      {
        id,
        role: 'treeitem',
        class: ['box', `from-${originOf(node)}`, isAbove && 'above', isFound(box) && 'found']
          .filter(Boolean)
          .join(' '),
        'aria-level': depth + 1,
        'aria-selected': String(box === selected),
        'aria-label': `${node.name}, ${format(node.total)}, ${share(node)}`,
        style: { left: `${left * 100}%`, width: `${width * 100}%`, top: `${depth * ROW}px` },
        onclick: () => {
          selected = box;
          zoom(box);
        },
        onmouseenter: () => describe(box),
      },
      width > 0.02 ? nameOf(node) : '',
    );
  }

  /** @param {FlameNode} node */
  const share = (node) => percent(root.total > 0 ? node.total / root.total : 0);
  /** @param {FlameNode} node */
  const nameOf = (node) => (node === root ? t('everything') : node.name || t('anonymous'));

  /** @param {Box} box */
  function describe({ node }) {
    setText(
      details,
      [
        nameOf(node),
        placeOf(node),
        `${format(node.total)} (${share(node)})`,
        t('selfIs', { time: format(node.self) }),
      ]
        .filter(Boolean)
        .join(' · '),
    );
  }

  /** @param {Box} box */
  function zoom(box) {
    zoomed = box;
    if (!isInside(selected, box)) selected = box;
    draw();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const siblings = selected.parent?.children ?? [selected];
    const at = siblings.indexOf(selected);
    /** @type {Record<string, Box | undefined>} */
    const next = {
      ArrowDown: selected.children[0],
      ArrowUp: selected.parent,
      ArrowRight: siblings[at + 1],
      ArrowLeft: siblings[at - 1],
      Home: top,
    };
    if (event.key === 'Enter' || event.key === ' ') zoom(selected);
    else if (event.key === 'Escape') zoom(top);
    else if (event.key in next) {
      const box = next[event.key];
      if (box) {
        selected = box;
        // Out of sight it could not be followed.
        if (!isInside(box, zoomed) || box.width / zoomed.width < LEAST_WIDTH) zoomed = box.parent ?? top;
        draw();
      }
    } else return;
    event.preventDefault();
  }

  draw();
  return {
    element: el(
      'div',
      { class: 'stack' },
      el('div', { class: 'row' }, reset, found),
      el('div', { class: 'flame-frame' }, sheet),
      details,
    ),
    /** @param {string} wanted */
    search(wanted) {
      text = wanted.trim().toLowerCase();
      const sum = sumOf(top, isFound);
      setText(
        found,
        text === '' ? '' : t('foundShare', { share: percent(root.total > 0 ? sum / root.total : 0) }),
      );
      draw();
    },
  };
}

/** @param {FlameNode} root @returns {Box} */
function layOut(root) {
  let count = 0;
  /** @param {FlameNode} node @param {Box | undefined} parent @param {number} left @returns {Box} */
  const place = (node, parent, left) => {
    /** @type {Box} */
    const box = {
      node,
      parent,
      children: [],
      depth: parent ? parent.depth + 1 : 0,
      left,
      width: root.total > 0 ? node.total / root.total : 1,
      id: `box-${count++}`,
    };
    let at = left;
    for (const child of node.children) {
      const placed = place(child, box, at);
      box.children.push(placed);
      at += placed.width;
    }
    return box;
  };
  return place(root, undefined, 0);
}

/** What was found covers, a box inside another found one not counted again. @param {Box} box @param {(box: Box) => boolean} isFound @returns {number} */
function sumOf(box, isFound) {
  if (isFound(box)) return box.node.total;
  return box.children.reduce((sum, child) => sum + sumOf(child, isFound), 0);
}

/** @param {Box} box @param {Box} other */
function isInside(box, other) {
  for (let at = /** @type {Box | undefined} */ (box); at; at = at.parent) if (at === other) return true;
  return false;
}
