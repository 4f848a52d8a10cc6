import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyDigest } from '../../../src/cache/key-digest.ts';

test('a key is found again with the secret of its installation alone', () => {
  const [ours, again, theirs] = ['ours', 'ours', 'theirs'].map((secret) => keyDigest(Buffer.from(secret)));
  assert.equal(ours?.(['key', 1]), again?.(['key', 1]));
  assert.notEqual(ours?.(['key', 1]), theirs?.(['key', 1]));
});
