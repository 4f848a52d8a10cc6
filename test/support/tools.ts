import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs that tests need and npm cannot bring. `scripts/setup-test-tools.ts` installs what is missing. */
export interface Tool {
  readonly name: string;
  /** Undefined when it is not there. */
  find(): string | undefined;
  readonly aptPackage: string;
  /** What follows `brew install`; undefined where macOS has it already. */
  readonly brewPackage: string | undefined;
  /** The variable that names another program to use. */
  readonly variable?: string;
  /** What is worse without it. Absent: the tests cannot run without it. */
  readonly without?: string;
}

export const REDIS_SERVER: Tool = {
  name: 'redis-server',
  find: () => override('MEARI_REDIS_SERVER') ?? onPath('redis-server'),
  aptPackage: 'redis-server',
  brewPackage: 'redis',
  variable: 'MEARI_REDIS_SERVER',
};

export const CHROMIUM: Tool = {
  name: 'chromium',
  find: () =>
    override('MEARI_CHROMIUM') ??
    onPath('chromium', 'chromium-browser', 'google-chrome') ??
    runnable('/Applications/Google Chrome.app/Contents/MacOS/Google Chrome') ??
    runnable('/Applications/Chromium.app/Contents/MacOS/Chromium'),
  aptPackage: 'chromium',
  brewPackage: '--cask google-chrome',
  variable: 'MEARI_CHROMIUM',
};

export const KOREAN_FONT: Tool = {
  name: 'a Korean font',
  find: () => (process.platform === 'linux' ? firstKoreanFont() : 'of the system'),
  aptPackage: 'fonts-noto-cjk',
  brewPackage: undefined,
  without: 'pages show boxes for Korean letters in screenshots',
};

export const PROMETHEUS: Tool = {
  name: 'prometheus',
  find: () => override('MEARI_PROMETHEUS') ?? onPath('prometheus'),
  aptPackage: 'prometheus',
  brewPackage: 'prometheus',
  variable: 'MEARI_PROMETHEUS',
};

/** Checks and tests rules; comes with Prometheus. */
export const PROMTOOL: Tool = {
  name: 'promtool',
  find: () => override('MEARI_PROMTOOL') ?? onPath('promtool'),
  aptPackage: 'prometheus',
  brewPackage: 'prometheus',
  variable: 'MEARI_PROMTOOL',
};

export const TOOLS: readonly Tool[] = [REDIS_SERVER, CHROMIUM, PROMETHEUS, PROMTOOL, KOREAN_FONT];

export function redisServerPath(): string {
  return pathOf(REDIS_SERVER);
}

export function chromiumPath(): string {
  return pathOf(CHROMIUM);
}

export function prometheusPath(): string {
  return pathOf(PROMETHEUS);
}

export function promtoolPath(): string {
  return pathOf(PROMTOOL);
}

/** @throws {Error} that says what to run when the tool is not there. */
function pathOf(tool: Tool): string {
  const path = tool.find();
  if (path === undefined) throw new Error(`${tool.name} is missing: run node scripts/setup-test-tools.ts`);
  return path;
}

/** A variable that names no program is a mistake to tell, and nothing to search past. */
function override(variable: string): string | undefined {
  const path = process.env[variable];
  if (!path) return undefined;
  if (runnable(path) === undefined) throw new Error(`${variable}: ${path} is not a program`);
  return path;
}

function onPath(...names: string[]): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  for (const name of names) {
    const found = directories.map((directory) => join(directory, name)).find(runnable);
    if (found !== undefined) return found;
  }
  return undefined;
}

function runnable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}

function firstKoreanFont(): string | undefined {
  if (onPath('fc-list') === undefined) return undefined;
  return execFileSync('fc-list', [':lang=ko', 'file'], { encoding: 'utf8' }).split('\n')[0] || undefined;
}
