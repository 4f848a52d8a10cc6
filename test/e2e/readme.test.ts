import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createTestDatabase } from '../support/database.ts';
import { imageEnvironment } from '../support/deployment/dockerfile.ts';
import { processesWith, type ServiceProcess, startProcess, temporaryDirectory } from '../support/process.ts';

const README = ['README.md', 'README.ko.md'];

/** All shell blocks in one shell: later ones use the cookie and the variables of earlier ones. */
async function callAll(blocks: readonly string[], service: ServiceProcess, cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', blocks.join('\n')], {
    cwd,
    env: {
      PATH: process.env.PATH,
      PORT: new URL(service.url).port,
      OPS_PORT: new URL(service.opsUrl).port,
    },
    timeout: 60_000,
  });
  return stdout;
}

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
      const answers = await callAll(blocks, service, directory.path);
      assert.match(answers, /"status":"success"/, name);
      assert.doesNotMatch(answers, /"status":"error"/, name);
    }
    service.signalGroup('SIGINT');
    await service.exited;
    assert.deepEqual(await processesWith(directory.path), []);
  });
});

test('the same with the variables of the image: curl takes a `Secure` cookie from localhost', async () => {
  await using resources = new AsyncDisposableStack();
  const database = await createTestDatabase();
  resources.defer(() => database.drop());
  const directory = resources.use(await temporaryDirectory());
  const env = { ...imageEnvironment(), OPS_HOST: '127.0.0.1', DATABASE_URL: database.url };
  const service = resources.use(await startProcess({ env }));
  await service.ready;
  const answers = await callAll(await curlBlocks('README.md'), service, directory.path);
  assert.match(answers, /"status":"success"/);
  assert.doesNotMatch(answers, /"status":"error"/);
});
