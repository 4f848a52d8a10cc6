import { execFile } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../process.ts';
import { PROJECT } from './dockerfile.ts';
import type { Manifest } from './kustomize.ts';

/**
 * What Kubernetes would have against them: by the JSON schemas of its API, and of the Prometheus Operator's, that
 * `kubernetes-models` is made from, and by the types of the same package for fields that do not exist, which the
 * schemas let pass and an API server drops.
 */
export async function kubernetesFaults(manifests: readonly Manifest[]): Promise<string[]> {
  const bySchema = await Promise.all(manifests.map(schemaFaults));
  return [...bySchema.flat(), ...(await typeFaults(manifests))];
}

async function schemaFaults(manifest: Manifest): Promise<string[]> {
  const model = await import(moduleOf(manifest));
  try {
    new model[manifest.kind](manifest).validate();
    return [];
  } catch (error) {
    return [`${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`];
  }
}

/** As literals of their types, so that the compiler looks for fields that a type does not have. */
async function typeFaults(manifests: readonly Manifest[]): Promise<string[]> {
  await using directory = await temporaryDirectory();
  const path = (name: string) => join(directory.path, name);
  await symlink(join(PROJECT, 'node_modules'), path('node_modules'));
  const lines = manifests.flatMap((manifest, index) => [
    `import type { I${manifest.kind} as Type${index} } from '${moduleOf(manifest)}';`,
    `export const manifest${index}: Type${index} = ${JSON.stringify(manifest)};`,
  ]);
  await writeFile(path('manifests.mts'), lines.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
  const compiler = join(PROJECT, 'node_modules/.bin/tsc');
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  const compiled = promisify(execFile)(compiler, [...options, 'manifests.mts'], { cwd: directory.path, env });
  return await compiled.then(
    () => [],
    ({ stdout }: { stdout: string }) => stdout.trim().split('\n'),
  );
}

function moduleOf({ apiVersion, kind }: Manifest): string {
  const found = apiVersion.startsWith('monitoring.coreos.com/')
    ? '@kubernetes-models/prometheus-operator'
    : 'kubernetes-models';
  return `${found}/${apiVersion}/${kind}`;
}
