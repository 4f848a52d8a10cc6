import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { TOOLS, type Tool } from '../test/support/tools.ts';

/**
 * Runs before the tests (`pretest`): sees to the programs that npm cannot bring. On a Debian-like machine without
 * systemd (a container, a CI runner), as root, it installs them; elsewhere it says what to install, and how.
 */

const print = (line: string) => void process.stderr.write(`meari tests: ${line}\n`);

/** Under systemd `redis-server` and `prometheus` would start services and leave them enabled: not ours to decide. */
function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && !existsSync('/run/systemd/system');
}

function install(tools: readonly Tool[]): void {
  const packages = namesOf(tools, ({ aptPackage }) => aptPackage);
  print(`installing ${packages.join(', ')} by apt-get (once; some minutes)`);
  for (const command of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const { status, stderr } = spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...command], {
      // In runlevel 1 the packages' scripts start no service: invoke-rc.d asks for the runlevel first.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      encoding: 'utf8',
    });
    // What is missing afterwards decides; this only tells why.
    if (status !== 0) print(`apt-get ${command[0]}: ${stderr.trim().split('\n').at(-1) ?? 'failed'}`);
  }
}

function advice(tools: readonly Tool[]): string {
  if (process.platform === 'darwin') {
    return namesOf(tools, ({ brewPackage }) => brewPackage)
      .map((name) => `brew install ${name}`)
      .join(' && ');
  }
  const packages = namesOf(tools, ({ aptPackage }) => aptPackage).join(' ');
  return `sudo apt-get install --no-install-recommends ${packages} (or your system's packages of these)`;
}

/** Each package once: one may bring several tools. */
function namesOf(tools: readonly Tool[], packageOf: (tool: Tool) => string | undefined): string[] {
  return [...new Set(tools.flatMap((tool) => packageOf(tool) ?? []))];
}

function missingTools(): Tool[] {
  return TOOLS.filter((tool) => tool.find() === undefined);
}

/** @returns whether the tests can run. */
function setUp(): boolean {
  let missing = missingTools();
  if (missing.length > 0 && mayInstall()) {
    install(missing);
    missing = missingTools();
  }
  for (const tool of missing.filter(({ without }) => without !== undefined)) {
    print(`without ${tool.name} ${tool.without}: ${advice([tool])}`);
  }
  const required = missing.filter(({ without }) => without === undefined);
  if (required.length === 0) return true;
  const names = required.map(({ name }) => name).join(' and ');
  const variables = required.flatMap(({ variable }) => variable ?? []).join(', ');
  print(`${names} missing. ${advice(required)}; or name the program in ${variables}`);
  return false;
}

try {
  if (!setUp()) process.exitCode = 1;
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
