import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDashboards, textOf } from '../grafana/src/dashboards.ts';

/**
 * `npm run dashboards`: writes the JSON that Grafana is provisioned with; a test fails when it is not what the code
 * builds. With `-- --pictures` draws their layouts for the documentation as well.
 */

const FOLDER = join(import.meta.dirname, '../grafana/dashboards');

const { values } = parseArgs({ options: { pictures: { type: 'boolean', default: false } } });
for (const [file, built] of buildDashboards()) await writeFile(join(FOLDER, file), textOf(built));
if (values.pictures) {
  // Needs what the tests need: a browser, Prometheus, Redis.
  const { takePictures } = await import('./dashboards/pictures.ts');
  await takePictures();
}
