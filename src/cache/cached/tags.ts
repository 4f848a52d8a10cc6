import type { Tag, TagRepository } from '../../domain/ports.ts';
import type { NamedCache } from '../named-cache.ts';

export function cachedTags(tags: TagRepository, cache: NamedCache<readonly Tag[]>): TagRepository {
  return { all: () => cache.get([], tags.all) };
}
