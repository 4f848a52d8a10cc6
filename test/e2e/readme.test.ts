import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { processesWith, startProcess, temporaryDirectory } from '../support/process.ts';

const README = ['README.md', 'README.ko.md'];

/** The shell blocks that call the service, as they stand there. */
async function curlBlocks(name: string): Promise<string[]> {
  const text = await readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
  return [...text.matchAll(/```sh\n(.*?)```/gs)]
    .map(([, block = '']) => block)
    .filter((block) => block.includes('curl '));
}

describe('smoke test: npm start in an empty folder', () => {
  test('the curl lines of both READMEs work as they stand there; nothing is left running', async () => {
    await using directory = await temporaryDirectory();
    await using service = await startProcess({ env: { DATA_DIR: directory.path }, throughNpm: true });
    await service.ready;
    for (const name of README) {
      const blocks = await curlBlocks(name);
      assert.ok(blocks.length > 0, name);
      // One shell for all of them: later blocks use the cookie and the variables of earlier ones.
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', blocks.join('\n')], {
        cwd: directory.path,
        env: {
          PATH: process.env.PATH,
          PORT: new URL(service.url).port,
          OPS_PORT: new URL(service.opsUrl).port,
        },
        timeout: 60_000,
      });
      assert.match(stdout, /"status":"success"/, name);
      assert.doesNotMatch(stdout, /"status":"error"/, name);
    }
    service.signalGroup('SIGINT');
    await service.exited;
    assert.deepEqual(await processesWith(directory.path), []);
  });
});
