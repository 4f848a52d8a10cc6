import { startDeployment } from '../scale/deployment.ts';
import { measureDisk } from '../scale/disk.ts';
import { measureIdleStreams } from '../scale/idle-streams.ts';
import { measureSessionCost } from '../scale/session-cost.ts';
import { measureSessionsPerSecond } from '../scale/sessions-per-second.ts';
import type { Figure } from '../support/figures.ts';

/** What grows with what, for `docs/scaling.md`: one API process, and one, two and four workers. Needs Redis. */
export async function run(): Promise<Figure[]> {
  await using deployment = await startDeployment();
  if (!deployment) return [];
  return [
    ...(await measureSessionCost(deployment)),
    ...(await measureSessionsPerSecond(deployment)),
    ...(await measureDisk(deployment.database)),
    ...(await measureIdleStreams(deployment)),
  ];
}
