import { measureAcceptance } from '../delivery/acceptance.ts';
import { measureOpenStreams } from '../delivery/open-streams.ts';
import { measureStream } from '../delivery/stream.ts';
import { measureTakeover } from '../delivery/takeover.ts';
import type { Figure } from '../support/figures.ts';
import { startBenchPostgres } from '../support/postgres.ts';

/** How results reach their users. The services are processes of their own; this one only asks and measures. */
export async function run(): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  return [
    ...(await measureAcceptance(await postgres.createDatabase('acceptance'))),
    ...(await measureStream(await postgres.createDatabase('stream'))),
    ...(await measureOpenStreams(await postgres.createDatabase('open_streams'))),
    ...(await measureTakeover(await postgres.createDatabase('takeover'))),
  ];
}
