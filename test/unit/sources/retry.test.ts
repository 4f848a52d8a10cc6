import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RetryLimits, retrying } from '../../../src/sources/retry.ts';
import { SourceFault, type SourceFaultCode } from '../../../src/sources/source-fault.ts';

const LIMITS: RetryLimits = { attempts: 3, retryDelayMs: 0, longestWaitMs: 3_600_000 };
const { signal: never } = new AbortController();

function failing(code: SourceFaultCode, retryAfterMs?: number) {
  const state = { calls: 0, call: () => Promise.resolve() };
  state.call = async () => {
    state.calls++;
    throw new SourceFault(code, { retryAfterMs });
  };
  return state;
}

for (const [code, calls] of [
  ['limited', 3],
  ['unreachable', 3],
  ['timeout', 3],
  ['server_error', 3],
  ['bad_answer', 3],
  ['refused', 1],
  ['too_large', 1],
] as const) {
  test(`${code}: ${calls} calls`, async () => {
    const source = failing(code);
    await assert.rejects(retrying(source.call, LIMITS, never), { code });
    assert.equal(source.calls, calls);
  });
}

test('a fault of our own is not called again', async () => {
  let calls = 0;
  const broken = async () => {
    calls++;
    throw new TypeError('a bug');
  };
  await assert.rejects(retrying(broken, LIMITS, never), TypeError);
  assert.equal(calls, 1);
});

test('the wait that the source asked for ends with the signal', async () => {
  const stop = new AbortController();
  const source = failing('limited', 3_000_000);
  const work = retrying(source.call, LIMITS, stop.signal);
  // By the next turn of the event loop the call has failed and the wait has begun.
  setImmediate(() => stop.abort());
  await assert.rejects(work, { name: 'AbortError' });
  assert.equal(source.calls, 1);
});

test('a wait that is too long is left to the caller, with what the source said', async () => {
  const source = failing('limited', LIMITS.longestWaitMs + 1);
  await assert.rejects(retrying(source.call, LIMITS, never), { retryAfterMs: LIMITS.longestWaitMs + 1 });
  assert.equal(source.calls, 1);
});
