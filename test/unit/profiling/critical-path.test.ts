import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { criticalPath, stepsOnPath } from '../../../src/profiling/analysis/critical-path.ts';
import { buildTrees, covered, selfTime, walk } from '../../../src/profiling/analysis/span-tree.ts';
import type { StoredSpan } from '../../../src/profiling/store/stored-span.ts';
import { request, type SpanSketch, span, step } from '../../support/spans.ts';

function pathOf(...spans: StoredSpan[]) {
  const [root] = buildTrees(spans);
  assert.ok(root);
  return criticalPath(root).map(({ node, start, end }) => [node.name, start, end]);
}

const child = (id: string, from: number, to: number, more: Partial<SpanSketch> = {}) =>
  span({ id, parent: 'root', from, to, ...more });

describe('critical path', () => {
  test('of siblings at the same time the one that ends last', () => {
    assert.deepEqual(pathOf(request(100), child('short', 10, 40), child('long', 10, 90)), [
      ['root', 0, 10],
      ['long', 10, 90],
      ['root', 90, 100],
    ]);
  });

  test('siblings that touch exactly are both on it', () => {
    assert.deepEqual(pathOf(request(100), child('a', 0, 50), child('b', 50, 100)), [
      ['a', 0, 50],
      ['b', 50, 100],
    ]);
  });

  test('goes down into what it follows', () => {
    const spans = [request(100), child('a', 0, 100), span({ id: 'query', parent: 'a', from: 20, to: 70 })];
    assert.deepEqual(pathOf(...spans), [
      ['a', 0, 20],
      ['query', 20, 70],
      ['a', 70, 100],
    ]);
  });

  test('a child that outlives its parent is cut off', () => {
    assert.deepEqual(pathOf(request(100), child('late', 60, 500)), [
      ['root', 0, 60],
      ['late', 60, 100],
    ]);
  });

  test('a child that is declared not to block is never on it', () => {
    const attributes = { 'profiler.blocking': false };
    assert.deepEqual(pathOf(request(100), child('aside', 0, 100, { attributes })), [['root', 0, 100]]);
  });

  test('a consumer that the request waited for is on it, and what it waited in the queue', () => {
    const spans = [
      request(100),
      child('send', 0, 5, { kind: 'producer' }),
      span({ id: 'process', parent: 'send', kind: 'consumer', from: 30, to: 90 }),
    ];
    assert.deepEqual(pathOf(...spans), [
      ['send', 0, 5],
      ['wait in the queue', 5, 30],
      ['process', 30, 90],
      ['root', 90, 100],
    ]);
  });

  test('a consumer that goes on after the answer is work of its own', () => {
    const spans = [
      request(10),
      child('send', 0, 5, { kind: 'producer' }),
      span({ id: 'process', parent: 'send', kind: 'consumer', from: 8, to: 90 }),
    ];
    assert.deepEqual(pathOf(...spans), [
      ['send', 0, 5],
      ['root', 5, 10],
    ]);
    assert.deepEqual(
      buildTrees(spans).map(({ name }) => name),
      ['root', 'process'],
    );
  });

  test('how long it is in steps does not depend on the clock', () => {
    const [root] = buildTrees([
      request(200),
      step('context', [], 0, 10),
      step('sources', ['context'], 10, 60),
      step('persona', ['context'], 10, 50),
      step('empathy', ['sources'], 60, 190),
      step('save', ['empathy', 'persona'], 190, 200),
    ]);
    assert.ok(root);
    assert.deepEqual(stepsOnPath(criticalPath(root)), ['context', 'sources', 'empathy', 'save']);
  });
});

/** Any spans: parents that are missing, older, younger or go round in a circle; times that fit nowhere. */
const anySpans = fc
  .array(
    fc.record({
      parent: fc.nat({ max: 14 }),
      from: fc.double({ min: 0, max: 1000, noNaN: true }),
      length: fc.double({ min: 0, max: 500, noNaN: true }),
      kind: fc.constantFrom('internal', 'client', 'producer', 'consumer', 'server'),
      blocking: fc.boolean(),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((sketches) =>
    sketches.map(({ parent, from, length, kind, blocking }, index) =>
      span({
        id: `s${index}`,
        parent: `s${parent}`,
        kind,
        from,
        to: from + length,
        attributes: blocking ? {} : { 'profiler.blocking': false },
      }),
    ),
  );

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

describe('whatever the spans are', () => {
  test('every one is in exactly one tree, inside of its parent', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const nodes = buildTrees(spans)
          .flatMap(walk)
          .filter(({ name }) => name !== 'wait in the queue');
        assert.deepEqual(nodes.map(({ id }) => id).sort(), spans.map(({ id }) => id).sort());
        for (const { start, end, parent } of nodes) {
          assert.ok(start <= end);
          if (parent) assert.ok(parent.start <= start && end <= parent.end);
        }
      }),
    );
  });

  test('the path goes from the first moment to the last without gap or overlap, and its parts sum to the whole', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        for (const root of buildTrees(spans)) {
          const path = criticalPath(root);
          const length = root.end - root.start;
          if (length === 0) {
            assert.deepEqual(path, []);
            continue;
          }
          assert.equal(path[0]?.start, root.start);
          assert.equal(path.at(-1)?.end, root.end);
          for (const [index, { start, end }] of path.entries()) {
            assert.ok(start < end);
            if (index > 0) assert.equal(start, path[index - 1]?.end);
          }
          close(
            path.reduce((sum, { start, end }) => sum + end - start, 0),
            length,
          );
        }
      }),
    );
  });

  test('each part is inside of its span, and on none that does not block', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        for (const root of buildTrees(spans)) {
          for (const { node, start, end } of criticalPath(root)) {
            assert.ok(node.start <= start && end <= node.end);
            assert.ok(node === root || node.blocking);
          }
        }
      }),
    );
  });

  test('own time is neither below zero nor beyond the span', () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        for (const node of buildTrees(spans).flatMap(walk)) {
          assert.ok(selfTime(node) >= -1e-9 && selfTime(node) <= node.end - node.start + 1e-9);
        }
      }),
    );
  });

  test('intervals cover what any of them covers, once', () => {
    const interval = fc
      .tuple(fc.nat({ max: 60 }), fc.nat({ max: 20 }))
      .map(([start, length]) => ({ start, end: start + length }));
    fc.assert(
      fc.property(fc.array(interval), (intervals) => {
        const points = new Set(
          intervals.flatMap(({ start, end }) =>
            Array.from({ length: end - start }, (_, index) => start + index),
          ),
        );
        assert.equal(covered(intervals), points.size);
      }),
    );
  });
});
