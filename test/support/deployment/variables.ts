import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './dockerfile.ts';

/** The variables of OpenTelemetry that the profiling layer reads. */
export function telemetryVariables(): string[] {
  const files = globSync('src/profiling/**/*.ts', { cwd: PROJECT });
  const text = files.map((file) => readFileSync(join(PROJECT, file), 'utf8')).join('\n');
  return [...new Set(text.match(/\bOTEL_[A-Z_]+\b/g))];
}
