import { execFile, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, copyFile, cp, mkdir, rename } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { contextPaths, type Instruction, PROJECT, readStages } from './dockerfile.ts';

const run = promisify(execFile);

/** What the Dockerfile makes, as a folder of this machine. */
export interface Image {
  /** Where its root is. */
  readonly root: string;
  /** Of the processes in it, as a path of this machine. */
  readonly directory: string;
  /** With the Node of the base image before any other. */
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number };
}

type Draft = { -readonly [Key in keyof Image]: Image[Key] };

/**
 * Does what the Dockerfile says, instruction by instruction, without a container engine: base images are this machine
 * with the Node of this process, and a stage's root is a folder in `into`.
 *
 * @throws {Error} at an instruction that is not known here.
 */
export async function buildImage(into: string): Promise<Image> {
  // Whoever runs the image is somebody else, who may not read where this process has its Node.
  await chmod(into, 0o755);
  const base = join(into, 'base');
  await mkdir(base);
  await copyFile(process.execPath, join(base, 'node'), constants.COPYFILE_FICLONE);
  const roots = new Map<string, string>();
  let image: Draft | undefined;
  for (const [index, { name = 'image', instructions }] of readStages().entries()) {
    const root = join(into, `${index}-${name}`);
    roots.set(name, root);
    image = {
      root,
      directory: root,
      environment: { PATH: [base, process.env.PATH].join(delimiter) },
      command: [],
      healthCheck: [],
      user: { uid: 0, gid: 0 },
    };
    for (const instruction of instructions) await apply(instruction, image, roots);
  }
  if (image === undefined) throw new Error('the Dockerfile has no stage');
  return image;
}

async function apply(
  { keyword, flags, text, words }: Instruction,
  image: Draft,
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  switch (keyword) {
    case 'WORKDIR':
      image.directory = join(image.root, text);
      await mkdir(image.directory, { recursive: true });
      return;
    case 'ENV':
      image.environment = {
        ...image.environment,
        ...Object.fromEntries(words.map((word) => word.split('='))),
      };
      return;
    case 'COPY':
      for (const source of words.slice(0, -1))
        await copy(source, words.at(-1) ?? '', flags.from, image, roots);
      return;
    case 'RUN':
      await run('/bin/sh', ['-c', text], {
        cwd: image.directory,
        // The packages are in npm's cache, where installing the project has put them.
        env: { HOME: process.env.HOME, npm_config_prefer_offline: 'true', ...image.environment },
      });
      return;
    case 'USER': {
      const [uid = Number.NaN, gid = Number.NaN] = text.split(':').map(Number);
      image.user = { uid, gid };
      return;
    }
    case 'HEALTHCHECK':
      image.healthCheck = JSON.parse(text.replace(/^CMD /, ''));
      return;
    case 'CMD':
      image.command = JSON.parse(text);
      return;
    case 'EXPOSE':
      return;
    default:
      throw new Error(`Dockerfile: ${keyword} is not known here`);
  }
}

async function copy(
  source: string,
  target: string,
  from: string | undefined,
  image: Image,
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  const destination = resolve(image.directory, target, target.endsWith('/') ? source : '.');
  if (from === undefined) {
    if (!contextPaths().includes(source)) throw new Error(`COPY ${source}: .dockerignore leaves it out`);
    return cp(join(PROJECT, source), destination, { recursive: true });
  }
  const root = roots.get(from);
  if (root === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
  // Moved, since a copy of node_modules takes long: nothing reads a stage after what is copied from it.
  return rename(join(root, source), destination);
}

/**
 * Starts a command in the image as its user, with nothing but these variables. It cannot write a single byte to any
 * file, as in a container whose file system is read-only.
 */
export function startInImage(
  { directory, environment: fixed, user }: Image,
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
) {
  const env = { ...fixed, ...variables };
  const options: SpawnOptions = { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] };
  // Only root may become somebody else; anybody else is not root already.
  const identity = process.getuid?.() === 0 ? user : {};
  return spawn('/bin/sh', ['-c', 'ulimit -f 0 && exec "$@"', 'sh', ...command], { ...options, ...identity });
}
