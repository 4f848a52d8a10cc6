import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StartupError } from '../errors.ts';

const run = promisify(execFile);

/**
 * Postgres refuses to run as root. Then it runs as `nobody`, with the one capability that lets it pass through
 * folders which only root may enter (`/root`, a `mktemp -d`); `no_setuid_fixup` makes access(2) count it too.
 */
export interface Account {
  readonly prefix: readonly string[];
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const NOBODY = { uid: 65534, gid: 65534 };

/** @throws {StartupError} when this is root and the user cannot be changed. */
export async function serverAccount(directory: string): Promise<Account> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: undefined };
  const existing = await stat(join(directory, 'data')).catch(() => undefined);
  const owner = existing && existing.uid !== 0 ? { uid: existing.uid, gid: existing.gid } : NOBODY;
  const prefix = [
    'setpriv',
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    '--securebits=+no_setuid_fixup',
  ];
  try {
    await run('setpriv', [...prefix.slice(1), 'true']);
  } catch (cause) {
    throw new StartupError(
      'Postgres does not run as root, and `setpriv` (util-linux) cannot change the user here: start as another user, or set DATABASE_URL',
      { cause },
    );
  }
  return { prefix, owner };
}

export function asAccount(account: Account, command: string, args: readonly string[]): [string, string[]] {
  const [first = command, ...rest] = [...account.prefix, command, ...args];
  return [first, rest];
}
