import { Router } from 'express';
import { z } from 'zod';
import type { Tag, TagRepository } from '../domain/ports.ts';

export const tagTreeSchema = z
  .object({
    tags: z.array(
      z.object({
        id: z.int(),
        name: z.string(),
        children: z.array(z.object({ id: z.int(), name: z.string() })),
      }),
    ),
  })
  .meta({ id: 'TagTree' });

export function tagRoutes(tags: TagRepository): Router {
  const router = Router();
  router.get('/', async (_req, res) => {
    res.set('Cache-Control', 'public, max-age=3600').json(toTree(await tags.all()));
  });
  return router;
}

function toTree(tags: readonly Tag[]): z.infer<typeof tagTreeSchema> {
  const byParent = Map.groupBy(tags, ({ parentId }) => parentId);
  const children = (parentId: number | null) => byParent.get(parentId) ?? [];
  return {
    tags: children(null).map(({ id, name }) => ({
      id,
      name,
      children: children(id).map((child) => ({ id: child.id, name: child.name })),
    })),
  };
}
