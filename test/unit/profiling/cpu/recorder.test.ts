import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProfileRecorder } from '../../../../src/profiling/cpu/recorder.ts';

test('the last ten profiles are kept, the newest first', async () => {
  const recorder = createProfileRecorder({
    intervalMicros: 1_000,
    projectRoot: process.cwd(),
    onPause() {},
  });
  const taken: string[] = [];
  for (let count = 0; count < 11; count++) {
    const { id } = await recorder.start({ kind: 'heap', seconds: 30, cause: { kind: 'asked' } });
    taken.unshift(id);
    await recorder.close();
    assert.equal(recorder.get(id)?.summary().state, 'finished', 'ended before its time');
  }
  const [first = ''] = taken.splice(-1);
  assert.equal(recorder.get(first), undefined);
  assert.deepEqual(
    recorder.list().map(({ id }) => id),
    taken,
  );
});
