import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import packageFile from '../../../package.json' with { type: 'json' };
import { readConfig } from '../../../src/config.ts';
import {
  contextPaths,
  copiedPaths,
  type Instruction,
  imageEnvironment,
  PROJECT,
  readStages,
} from '../../support/deployment/dockerfile.ts';

const stages = readStages();

/** The one instruction of this kind in the image's last stage. */
function only(keyword: string): Instruction {
  const [found, ...others] = stages.at(-1)?.instructions.filter((each) => each.keyword === keyword) ?? [];
  assert.ok(found && others.length === 0, `${keyword}, once`);
  return found;
}

describe('Dockerfile', () => {
  test('every stage has the Node that the project is developed with', () => {
    assert.ok(stages.length > 1);
    for (const { base } of stages) {
      assert.equal(base.split('-')[0], `node:${packageFile.devDependencies.node}`);
    }
  });

  test('installs what the lock file says, and nothing of development', () => {
    const installs = stages.flatMap(({ instructions }) =>
      instructions.filter(({ keyword }) => keyword === 'RUN'),
    );
    assert.equal(installs.length, 1);
    assert.match(installs[0]?.text ?? '', /^npm ci .*--omit=dev/);
  });

  test('copies what exists, and nothing else gets into a build', () => {
    for (const path of copiedPaths()) assert.ok(existsSync(join(PROJECT, path)), path);
    assert.deepEqual(contextPaths().sort(), [...new Set(copiedPaths())].sort());
  });

  test('is not root, and runs what `npm start` runs', () => {
    assert.match(only('USER').text, /^[1-9]\d*:[1-9]\d*$/);
    assert.equal(`exec ${JSON.parse(only('CMD').text).join(' ')}`, packageFile.scripts.start);
  });

  test('names the ports that the service listens on, the operators’ one for more than loopback', () => {
    const { api, ops } = readConfig(imageEnvironment());
    assert.deepEqual(only('EXPOSE').words.map(Number), [api.port, ops.port]);
    assert.equal(ops.host, '0.0.0.0');
    assert.match(only('HEALTHCHECK').text, new RegExp(`process\\.env\\.OPS_PORT \\|\\| ${ops.port}`));
  });
});
