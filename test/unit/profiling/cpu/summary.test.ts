import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { buildCallTree } from '../../../../src/profiling/cpu/call-tree.ts';
import { toCpuProfile } from '../../../../src/profiling/cpu/cpuprofile.ts';
import type { FlameNode, Frame } from '../../../../src/profiling/cpu/model.ts';
import type { Sample } from '../../../../src/profiling/cpu/pprof-reader.ts';
import { flameGraph, functionTable, sumsByLabel } from '../../../../src/profiling/cpu/summary.ts';

const frames: Frame[] = ['main', 'parse', 'walk', 'write'].map((name, line) => ({
  name,
  file: 'src/a.ts',
  line: line + 1,
}));
const [MAIN, PARSE, WALK, WRITE] = [0, 1, 2, 3];

function sample(stack: number[] | undefined, cpu: number, step?: string, at?: number): Sample {
  return { stack, at, step, route: step && 'GET /a', count: 1, values: [cpu, cpu * 2] };
}

function tree(samples: Sample[], nodeLimit?: number) {
  return buildCallTree({ metrics: ['cpu', 'wall'], frames, samples }, nodeLimit);
}

describe('the table of functions', () => {
  test('has the time of a function alone and with what it called', () => {
    const rows = functionTable(
      tree([sample([MAIN, PARSE], 3), sample([MAIN, WRITE], 1), sample([MAIN], 1)]),
      'cpu',
    );
    assert.deepEqual(
      rows.map(({ name, samples, self, total, selfShare, totalShare }) => [
        ...[name, samples, self, total, selfShare, totalShare],
      ]),
      [
        ['parse', 1, 3, 3, 0.6, 0.6],
        ['main', 1, 1, 5, 0.2, 1],
        ['write', 1, 1, 1, 0.2, 0.2],
      ],
    );
  });

  test('counts a function that calls itself once', () => {
    const [row] = functionTable(tree([sample([WALK, WALK, PARSE, WALK], 4)]), 'cpu');
    assert.deepEqual([row?.name, row?.self, row?.total], ['walk', 4, 4]);
  });

  test('shows another metric, or one step alone', () => {
    const all = tree([sample([MAIN, PARSE], 3, 'one'), sample([MAIN, WRITE], 1, 'two'), sample([MAIN], 7)]);
    assert.equal(functionTable(all, 'wall')[0]?.self, 14);
    assert.deepEqual(
      functionTable(all, 'cpu', { step: 'one' }).map(({ name }) => name),
      ['parse', 'main'],
    );
    assert.deepEqual(
      functionTable(all, 'cpu', { step: '' }).map(({ name, self }) => [name, self]),
      [['main', 7]],
    );
    assert.deepEqual(functionTable(all, 'cpu', { route: 'GET /b' }), []);
  });
});

test('the sums by step are those of its samples, the largest first', () => {
  const sums = sumsByLabel(
    tree([sample([MAIN], 1, 'one'), sample([PARSE], 5, 'two'), sample([WRITE], 2, 'one')]),
  );
  assert.deepEqual(sums, [
    { step: 'two', route: 'GET /a', samples: 1, sums: { cpu: 5, wall: 10 } },
    { step: 'one', route: 'GET /a', samples: 2, sums: { cpu: 3, wall: 6 } },
  ]);
});

test('waiting for work is not in the tree, but on the time line', () => {
  const { nodes, weights, moments } = tree([
    sample([MAIN], 1, undefined, 30),
    sample(undefined, 0, undefined, 20),
  ]);
  assert.equal(nodes.length, 1);
  assert.equal(weights.length, 1);
  assert.deepEqual(moments, [
    { at: 20, node: undefined },
    { at: 30, node: 0 },
  ]);
});

test('a tree with too many branches counts the rest for their caller, and says how many', () => {
  const full = tree([sample([MAIN, PARSE], 1), sample([MAIN, WALK, WRITE], 2)], 2);
  assert.equal(full.nodes.length, 2);
  assert.equal(full.foldedSamples, 1);
  assert.equal(functionTable(full, 'cpu').find(({ name }) => name === 'main')?.self, 2);
});

test('a .cpuprofile is a tree of calls with the samples in the order of time', () => {
  const profile = toCpuProfile(
    tree([
      sample([MAIN, PARSE], 1, 'one', 300),
      sample([MAIN], 1, 'one', 100),
      sample(undefined, 0, undefined, 200),
    ]),
  );
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  assert.deepEqual(
    profile.samples.map((id) => names.get(id)),
    ['main', '(idle)', 'parse'],
  );
  assert.deepEqual(profile.timeDeltas, [0, 100, 100]);
  assert.deepEqual([profile.startTime, profile.endTime], [100, 300]);
  const children = (name: string) =>
    profile.nodes
      .find(({ callFrame }) => callFrame.functionName === name)
      ?.children.map((id) => names.get(id));
  assert.deepEqual(children('(root)'), ['(idle)', 'main']);
  assert.deepEqual(children('main'), ['parse']);
  const parse = profile.nodes.find(({ callFrame }) => callFrame.functionName === 'parse');
  assert.deepEqual([parse?.callFrame.url, parse?.callFrame.lineNumber, parse?.hitCount], ['src/a.ts', 1, 1]);
});

test('whatever is sampled, nothing is lost and nothing counted twice', () => {
  const anySample = fc
    .tuple(
      fc.array(fc.nat(frames.length - 1), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 100 }),
      fc.constantFrom(undefined, 'one', 'two'),
    )
    .map(([stack, cpu, step]) => sample(stack, cpu, step));
  fc.assert(
    fc.property(
      fc.array(anySample, { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 60 }),
      (all, limit) => {
        const merged = tree(all, limit);
        const whole = all.reduce((sum, { values: [cpu = 0] }) => sum + cpu, 0);
        const rows = functionTable(merged, 'cpu');
        assert.equal(
          rows.reduce((sum, { self }) => sum + self, 0),
          whole,
        );
        assert.ok(rows.every(({ self, total }) => self <= total && total <= whole));
        assert.equal(
          sumsByLabel(merged).reduce((sum, { sums: { cpu = 0 } }) => sum + cpu, 0),
          whole,
        );
        checkFlame(flameGraph(merged, 'cpu'), whole);
        const first = new Set(all.map(({ stack }) => stack?.[0]));
        assert.ok(merged.nodes.length <= limit + first.size);
      },
    ),
  );
});

/** No box is hidden here: one sample is more than the smallest share that is shown. */
function checkFlame(node: FlameNode, total: number): void {
  assert.equal(node.total, total);
  const inside = node.children.reduce((sum, child) => sum + child.total, 0);
  assert.equal(node.self + inside, node.total);
  for (const child of node.children) checkFlame(child, child.total);
}
