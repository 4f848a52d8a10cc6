import type { Tag, TagRepository } from '../../domain/ports.ts';
import type { Database } from '../database.ts';

export function createTagRepository(database: Database): TagRepository {
  return {
    all: () => database<Tag>('tags').select('id', 'name', { parentId: 'parent_id' }).orderBy('id'),
  };
}
