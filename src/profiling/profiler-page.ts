import { createAccess } from './access.ts';
import type { ApiDependencies } from './api-routes.ts';
import { profileHeaders } from './profile-headers.ts';
import { PROFILER_PATH, profilerRoutes } from './profiler-routes.ts';

export interface ProfilerPageOptions extends Omit<ApiDependencies, 'links'> {
  /** What opens it; undefined: whoever reaches the listener. */
  readonly token: string | undefined;
  readonly jaegerUrl: string | undefined;
  readonly grafanaUrl: string | undefined;
  /** Whether every answer tells where its trace is, and not only those to who shows the token. */
  readonly linksEveryAnswer: boolean;
  /** The listener that it is served on. */
  readonly ops: { readonly host: string; readonly port: number };
}

/** The profiler as people and tools reach it: its routes, and the headers by which other answers link to it. */
export function createProfilerPage(options: ProfilerPageOptions) {
  const { token, jaegerUrl, grafanaUrl, linksEveryAnswer, ops, ...api } = options;
  const access = createAccess(token);
  return {
    /** For the operators' listener, at `PROFILER_PATH`. */
    routes: profilerRoutes({ ...api, access, host: ops.host, links: { jaegerUrl, grafanaUrl } }),
    /** For the public listener, after its server span. */
    headers: profileHeaders({
      access: linksEveryAnswer ? createAccess(undefined) : access,
      pageUrl: profilerUrl(ops),
    }),
  };
}

/** Where a browser finds the page: an address that stands for every interface is none. */
export function profilerUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}${PROFILER_PATH}`;
}
