import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Graph, type RunOptions, type Step } from '../../../src/pipeline/graph.ts';
import { createStepRecorder, type StepReport } from '../../../src/profiling/step.ts';

/** A step that runs until the test lets it go, and says when it was started. */
function gatedStep<Needs, Output>(after: (keyof Needs & string)[], output: Output) {
  const started = Promise.withResolvers<Needs>();
  const gate = Promise.withResolvers<Output>();
  let signal: AbortSignal | undefined;
  const step: Step<Needs, Output> = {
    after,
    timeoutMs: 60_000,
    attempts: 1,
    run: (needs, given) => {
      signal = given;
      started.resolve(needs);
      return gate.promise;
    },
  };
  return {
    step,
    started: started.promise,
    finish: () => gate.resolve(output),
    fail: gate.reject,
    signal: () => signal,
  };
}

function plainStep<Needs, Output>(
  after: (keyof Needs & string)[],
  run: (needs: Needs, signal: AbortSignal) => Promise<Output>,
  limits: { timeoutMs?: number; attempts?: number } = {},
): Step<Needs, Output> {
  return { after, timeoutMs: 60_000, attempts: 1, run, ...limits };
}

function options(extra: Partial<RunOptions> = {}): RunOptions & { reports: StepReport[] } {
  const reports: StepReport[] = [];
  const record = createStepRecorder({
    metric: { name: 'test.step.duration', description: 'test' },
    onEnd: (report) => reports.push(report),
  });
  return { signal: new AbortController().signal, record, attributes: {}, reports, ...extra };
}

describe('Graph', () => {
  test('gives a step the outputs it is after, and the input', async () => {
    const graph = Graph.from<{ seed: number }>('seed')
      .step(
        'double',
        plainStep<{ seed: number }, number>(['seed'], async ({ seed }) => seed * 2),
      )
      .step(
        'square',
        plainStep<{ seed: number }, number>(['seed'], async ({ seed }) => seed ** 2),
      )
      .step(
        'sum',
        plainStep<{ double: number; square: number }, number>(['double', 'square'], async (needs) => {
          assert.deepEqual(Object.keys(needs), ['double', 'square']);
          return needs.double + needs.square;
        }),
      );
    assert.equal((await graph.run({ seed: 5 }, options())).sum, 35);
  });

  test('runs at the same time what does not wait for each other, and starts a step only after what it is after', async () => {
    const left = gatedStep<{ seed: number }, string>(['seed'], 'left');
    const right = gatedStep<{ seed: number }, string>(['seed'], 'right');
    const last = gatedStep<{ left: string; right: string }, string>(['left', 'right'], 'last');
    let lastStarted = false;
    void last.started.then(() => {
      lastStarted = true;
    });
    const graph = Graph.from<{ seed: number }>('seed')
      .step('left', left.step)
      .step('right', right.step)
      .step('last', last.step);

    const run = graph.run({ seed: 1 }, options());
    await Promise.all([left.started, right.started]);
    right.finish();
    await right.step;
    assert.equal(lastStarted, false);
    left.finish();
    assert.deepEqual(await last.started, { left: 'left', right: 'right' });
    last.finish();
    assert.equal((await run).last, 'last');
  });

  test('a failing step aborts those that run, starts no other, and its error comes out', async () => {
    const running = gatedStep<{ seed: number }, string>(['seed'], 'running');
    const failing = gatedStep<{ seed: number }, string>(['seed'], 'never');
    const started: string[] = [];
    const graph = Graph.from<{ seed: number }>('seed')
      .step('running', running.step)
      .step('failing', failing.step)
      .step(
        'after',
        plainStep<{ failing: string }, void>(['failing'], async () => {
          started.push('after');
        }),
      );
    const given = options();
    const run = graph.run({ seed: 1 }, given);
    await Promise.all([running.started, failing.started]);
    const fault = new Error('the writer is down');
    failing.fail(fault);
    await assert.rejects(run, fault);
    assert.equal(running.signal()?.aborted, true);
    assert.deepEqual(started, []);
    assert.deepEqual(given.reports.map(({ name, outcome }) => [name, outcome]).sort(), [
      ['failing', 'error'],
      ['running', 'cancelled'],
    ]);
  });

  test('an aborted signal ends the run, also when a step does not heed it', async () => {
    const deaf = gatedStep<{ seed: number }, string>(['seed'], 'deaf');
    const controller = new AbortController();
    const given = options({ signal: controller.signal });
    const run = Graph.from<{ seed: number }>('seed').step('deaf', deaf.step).run({ seed: 1 }, given);
    await deaf.started;
    controller.abort();
    await assert.rejects(run, { name: 'AbortError' });
    assert.deepEqual(
      given.reports.map(({ outcome }) => outcome),
      ['cancelled'],
    );
  });

  test('tries again as often as declared, then gives up with the last error', async () => {
    let calls = 0;
    const flaky = (fails: number) =>
      plainStep<{ seed: number }, number>(
        ['seed'],
        async () => {
          calls += 1;
          if (calls <= fails) throw new Error(`fault ${calls}`);
          return calls;
        },
        { attempts: 3 },
      );
    const graph = (fails: number) => Graph.from<{ seed: number }>('seed').step('flaky', flaky(fails));

    assert.equal((await graph(2).run({ seed: 1 }, options())).flaky, 3);
    calls = 0;
    await assert.rejects(graph(9).run({ seed: 1 }, options()), { message: 'fault 3' });
  });

  test('an attempt that takes longer than its limit is a timeout, and is tried again', async () => {
    let calls = 0;
    const slowOnce = plainStep<{ seed: number }, string>(
      ['seed'],
      () => {
        calls += 1;
        return calls === 1 ? new Promise(() => {}) : Promise.resolve('second attempt');
      },
      { timeoutMs: 20, attempts: 2 },
    );
    const graph = Graph.from<{ seed: number }>('seed').step('slow', slowOnce);
    assert.equal((await graph.run({ seed: 1 }, options())).slow, 'second attempt');

    const hung = plainStep<{ seed: number }, string>(['seed'], () => new Promise(() => {}), {
      timeoutMs: 20,
    });
    const given = options();
    await assert.rejects(Graph.from<{ seed: number }>('seed').step('hung', hung).run({ seed: 1 }, given), {
      name: 'TimeoutError',
    });
    assert.deepEqual(
      given.reports.map(({ outcome }) => outcome),
      ['timeout'],
    );
  });

  test('reports completions one after the other, and a step that waits starts after the report', async () => {
    const events: string[] = [];
    const gate = Promise.withResolvers<void>();
    const graph = Graph.from<{ seed: number }>('seed')
      .step(
        'first',
        plainStep<{ seed: number }, string>(['seed'], async () => 'one'),
      )
      .step(
        'second',
        plainStep<{ seed: number }, string>(['seed'], async () => 'two'),
      )
      .step(
        'third',
        plainStep<{ first: string }, void>(['first'], async () => {
          events.push('third runs');
        }),
      );
    const run = graph.run(
      { seed: 1 },
      options({
        onStepCompleted: async ({ name }) => {
          events.push(`${name} begins`);
          if (name === 'first') await gate.promise;
          events.push(`${name} ends`);
        },
      }),
    );
    gate.resolve();
    await run;

    assert.ok(events.indexOf('third runs') > events.indexOf('first ends'));
    assert.ok(events.indexOf('second begins') > events.indexOf('first ends'));
  });

  test('a report that fails fails the run', async () => {
    const graph = Graph.from<{ seed: number }>('seed').step(
      'only',
      plainStep<{ seed: number }, string>(['seed'], async () => 'done'),
    );
    const fault = new Error('the checkpoint was refused');
    await assert.rejects(
      graph.run({ seed: 1 }, options({ onStepCompleted: () => Promise.reject(fault) })),
      fault,
    );
  });

  test('refuses a declaration that names a step twice, or one that is not there yet', () => {
    const graph = Graph.from<{ seed: number }>('seed').step(
      'a',
      plainStep<{ seed: number }, string>(['seed'], async () => 'a'),
    );
    assert.throws(
      () =>
        graph.step(
          'a',
          plainStep<{ seed: number }, string>(['seed'], async () => 'again'),
        ),
      /declared twice/,
    );
    const unknown = plainStep<{ seed: number }, string>(['later' as 'seed'], async () => 'b');
    assert.throws(() => graph.step('b', unknown), /"later", which is not declared/);
  });

  test('says which steps can run when others have finished', () => {
    const any = async () => '';
    const graph = Graph.from<{ seed: number }>('seed')
      .step('a', plainStep<{ seed: number }, string>(['seed'], any))
      .step('b', plainStep<{ a: string }, string>(['a'], any))
      .step('c', plainStep<{ a: string; b: string }, string>(['a', 'b'], any));
    assert.deepEqual([...graph.runnable(new Set())], ['a']);
    assert.deepEqual([...graph.runnable(new Set(['a']))], ['b']);
    assert.deepEqual([...graph.runnable(new Set(['a', 'b', 'c']))], []);
  });
});
