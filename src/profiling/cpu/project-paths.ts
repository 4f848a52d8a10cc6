import { pathToFileURL } from 'node:url';
import type { SourceMapper } from '@datadog/pprof';
import type { Pprof } from './sampler.ts';

/**
 * Where functions are, relative to the project: what leaves the process tells nothing of the machine's folders. The
 * library asks for it in the place of source maps, of which type stripping needs none.
 */
export function projectPaths(pprof: Pprof, projectRoot: string): SourceMapper {
  const { pathname } = pathToFileURL(projectRoot.endsWith('/') ? projectRoot : `${projectRoot}/`);
  // As ES modules have it in their URL, and as CommonJS has it.
  const prefixes = [pathname, decodeURI(pathname)];
  const relative = (file: string): string =>
    file.slice(prefixes.find((prefix) => file.startsWith(prefix))?.length ?? 0);
  return Object.assign(new pprof.SourceMapper(), {
    mappingInfo: ({ file, name, line, column }: Parameters<SourceMapper['mappingInfo']>[0]) => ({
      file: relative(file),
      name: name || '(anonymous)',
      line,
      column,
    }),
  });
}
