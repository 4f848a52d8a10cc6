import { createAccess } from './access.ts';
import type { Gauges } from './live/live.ts';
import type { Profiler } from './model.ts';
import { profileHeaders } from './profile-headers.ts';
import { PROFILER_PATH, profilerRoutes } from './profiler-routes.ts';
import { createProfilingTools } from './tools.ts';

export interface ProfilerSettings {
  /** What opens it; undefined: whoever reaches the listener. */
  readonly token: string | undefined;
  readonly jaegerUrl: string | undefined;
  readonly grafanaUrl: string | undefined;
  /** Whether a route that passes its p99 is profiled without anybody asking. */
  readonly slowRoutes: boolean;
}

export interface ProfilerPageOptions {
  /** Undefined: there is to be no such page. */
  readonly settings: ProfilerSettings | undefined;
  /** Undefined in a process that was started without `instrumentation.ts`. */
  readonly profiler: Profiler | undefined;
  /** The listener that it is served on. */
  readonly ops: { readonly host: string; readonly port: number };
  /** Then answers link to their traces for who shows the token alone, and samples are taken more rarely. */
  readonly production: boolean;
  /** The folder that file names are relative to. */
  readonly projectRoot: string;
  /** What the application can tell about itself at any moment. */
  readonly gauges: Gauges;
  /** Told of what the profiler itself did wrong. */
  readonly onError: (error: unknown) => void;
}

/** Microseconds between the samples of a profile: 1 ms shows short functions, 5 ms costs a fifth of it. */
const DEVELOPMENT_SAMPLING_MICROS = 1_000;
const PRODUCTION_SAMPLING_MICROS = 5_000;

/** The profiler as people and tools reach it: its routes, and the headers by which other answers link to it. */
export function openProfiler(options: ProfilerPageOptions) {
  const { settings, profiler, ops, production, projectRoot, gauges, onError } = options;
  if (!settings || !profiler) return undefined;
  const { token, slowRoutes, ...links } = settings;
  const access = createAccess(token);
  const tools = createProfilingTools({
    projectRoot,
    intervalMicros: production ? PRODUCTION_SAMPLING_MICROS : DEVELOPMENT_SAMPLING_MICROS,
    profilesSlowRoutes: slowRoutes,
    gauges,
    onError,
  });
  return {
    /** For the operators' listener, at `PROFILER_PATH`. */
    routes: profilerRoutes({
      profiler,
      access,
      host: ops.host,
      links,
      more: [tools.routes],
      onMistake: onError,
    }),
    /** For the public listener, after its server span. */
    headers: profileHeaders({
      access: production ? access : createAccess(undefined),
      pageUrl: profilerUrl(ops),
    }),
    close: tools.close,
  };
}

/** Where a browser finds the page: an address that stands for every interface is none. */
export function profilerUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}${PROFILER_PATH}`;
}
