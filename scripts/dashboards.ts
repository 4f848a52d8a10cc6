import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDashboards, textOf } from '../grafana/src/dashboards.ts';

/** Writes the JSON that Grafana is provisioned with. `test/unit/grafana` fails when it is not what the code builds. */

const FOLDER = join(import.meta.dirname, '../grafana/dashboards');

for (const [file, built] of buildDashboards()) await writeFile(join(FOLDER, file), textOf(built));
