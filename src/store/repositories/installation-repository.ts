import type { Database } from '../database.ts';

/** Random, made with the database and known to nobody else: the same for every process of this installation. */
export async function readInstallationSecret(database: Database): Promise<Buffer> {
  const { secret } = await database('installation').first<{ secret: Buffer }>('secret');
  return secret;
}
