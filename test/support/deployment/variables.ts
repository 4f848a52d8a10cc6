import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './dockerfile.ts';

/** The variables that the profiling layer, and what starts it, read: those of OpenTelemetry, and our own beside them. */
export function telemetryVariables(): string[] {
  const files = ['instrumentation.ts', ...globSync('src/profiling/**/*.ts', { cwd: PROJECT })];
  const text = files.map((file) => readFileSync(join(PROJECT, file), 'utf8')).join('\n');
  return [...new Set(text.match(/\b(?:OTEL|TRACES)_[A-Z_]+\b/g))];
}
