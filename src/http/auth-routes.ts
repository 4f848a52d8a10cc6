import { Router } from 'express';
import { z } from 'zod';
import type { User } from '../domain/ports.ts';
import type { Auth } from './auth.ts';

export const userSchema = z
  .object({
    id: z.uuid(),
    email: z.null(),
    nickname: z.string(),
    onboardingCompleted: z.boolean().meta({ description: 'True after the first finished session.' }),
  })
  .meta({ id: 'User' });

export function authRoutes(auth: Auth): Router {
  const router = Router();
  router.post('/guest', async (_req, res) => {
    res.status(201).json(toUserBody(await auth.createGuest(res)));
  });
  router.get('/me', auth.requireUser, async (_req, res) => {
    res.json(toUserBody(await auth.currentUser(res)));
  });
  router.post('/logout', async (req, res) => {
    await auth.logout(req, res);
    res.status(204).end();
  });
  return router;
}

function toUserBody({ id, nickname, onboardingCompleted }: User): z.infer<typeof userSchema> {
  return { id, email: null, nickname, onboardingCompleted };
}
