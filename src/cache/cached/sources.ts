import type { Sources } from '../../domain/corpus.ts';
import type { SourceProvider } from '../../domain/ports.ts';
import type { NamedCache } from '../named-cache.ts';

export function cachedSources(sources: SourceProvider, cache: NamedCache<Sources>): SourceProvider {
  return { forTag: (tagId) => cache.get([tagId], () => sources.forTag(tagId)) };
}
