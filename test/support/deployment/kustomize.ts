import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { PROJECT } from './dockerfile.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has a form of its own, which the schemas check.
  readonly [part: string]: any;
}

interface Kustomization {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly configMapGenerator?: readonly {
    readonly name: string;
    readonly behavior?: 'merge';
    readonly literals: readonly string[];
  }[];
}

const KNOWN = ['apiVersion', 'kind', 'namespace', 'resources', 'images', 'configMapGenerator'];

/**
 * What `kubectl kustomize FOLDER` builds, for the parts of kustomize that deploy/ uses. Config maps keep their plain
 * name, without the digest of their content.
 *
 * @throws {Error} at a part that is not known here.
 */
export function buildKustomization(folder: string): Manifest[] {
  const text = readFileSync(join(PROJECT, folder, 'kustomization.yaml'), 'utf8');
  const kustomization = parse(text) as Kustomization;
  const unknown = Object.keys(kustomization).filter((key) => !KNOWN.includes(key));
  if (unknown.length > 0) throw new Error(`${folder}/kustomization.yaml: ${unknown} is not known here`);

  const resources = (kustomization.resources ?? []).flatMap((resource) =>
    resource.endsWith('.yaml')
      ? readManifests(join(folder, resource))
      : buildKustomization(join(folder, resource)),
  );
  const maps = (kustomization.configMapGenerator ?? []).map(({ name, behavior, literals }) => {
    const merged = behavior === 'merge' ? take(resources, 'ConfigMap', name).data : {};
    const data = { ...merged, ...Object.fromEntries(literals.map(split)) };
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  });
  const { namespace, images = [] } = kustomization;
  return [...resources, ...maps].map((manifest) =>
    inNamespace(namespace, withImages(images, manifest) as Manifest),
  );
}

export function readManifests(path: string): Manifest[] {
  const documents = parseAllDocuments(readFileSync(join(PROJECT, path), 'utf8'), { merge: true });
  return documents.map((document) => document.toJS());
}

function take(manifests: Manifest[], kind: string, name: string): Manifest {
  const index = manifests.findIndex((each) => each.kind === kind && each.metadata.name === name);
  const [found] = index < 0 ? [] : manifests.splice(index, 1);
  if (found === undefined) throw new Error(`no ${kind} ${name} to merge with`);
  return found;
}

/** At the first `=`: values hold more of them. */
function split(literal: string): [name: string, value: string] {
  const at = literal.indexOf('=');
  return [literal.slice(0, at), literal.slice(at + 1)];
}

function inNamespace(namespace: string | undefined, manifest: Manifest): Manifest {
  if (namespace === undefined || manifest.kind === 'Namespace') return manifest;
  return { ...manifest, metadata: { ...manifest.metadata, namespace } };
}

function withImages(images: NonNullable<Kustomization['images']>, node: unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => withImages(images, item));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => {
    const image = key === 'image' ? images.find(({ name }) => name === value) : undefined;
    return [key, image ? `${image.newName}:${image.newTag}` : withImages(images, value)];
  });
  return Object.fromEntries(entries);
}
