import { type Response, Router } from 'express';
import { z } from 'zod';
import { toCpuProfile } from './cpuprofile.ts';
import { ProfileBusyError, ProfileUnavailableError } from './errors.ts';
import type { Profile, ProfileData, ProfileRecorder } from './recorder.ts';
import { profileReport } from './report.ts';

/** Seconds that a profile may take. Its samples are kept in memory until its end. */
const SECONDS = { least: 1, most: 30, unlessGiven: 10 };

export const startQuery = z.object({
  kind: z.enum(['cpu', 'heap']).default('cpu'),
  seconds: z.coerce.number().int().min(SECONDS.least).max(SECONDS.most).default(SECONDS.unlessGiven),
});

export const reportQuery = z.object({
  metric: z.enum(['cpu', 'wall', 'allocated', 'live']).optional(),
  step: z.string().optional(),
  route: z.string().optional(),
});

/**
 * Profiles over HTTP. Whoever mounts it decides who may come in: a profile that starts holds up the process.
 *
 * `POST /profiles?kind=cpu&seconds=10` starts one: 202 with its `Location`, 409 while another runs. `GET` there is
 * 202 until it has ended and then its report, `.cpuprofile` and `.pb.gz` after the id are files for other tools.
 */
export function profileRoutes(recorder: ProfileRecorder): Router {
  const router = Router();

  router.post('/profiles', async (req, res) => {
    const query = startQuery.safeParse(req.query);
    if (!query.success) return refuse(res, query.error);
    try {
      const profile = await recorder.start({ ...query.data, cause: { kind: 'asked' } });
      res
        .status(202)
        .set('Retry-After', String(profile.seconds))
        .location(`${req.baseUrl}/profiles/${profile.id}`)
        .json({ profile });
    } catch (error) {
      if (error instanceof ProfileBusyError) {
        const { id, kind, endsAt, message } = error;
        const seconds = Math.max(1, Math.ceil((endsAt - Date.now()) / 1000));
        res.status(409).set('Retry-After', String(seconds));
        res.json({ error: 'busy', message, profile: { id, kind, endsAt } });
      } else if (error instanceof ProfileUnavailableError) {
        res.status(501).json({ error: 'unavailable', message: error.message });
      } else throw error;
    }
  });

  router.get('/profiles', (_req, res) => void res.json({ profiles: recorder.list() }));

  router.get('/profiles/:id.cpuprofile', async (req, res) => {
    const { data } = (await finished(res, req.params.id)) ?? {};
    if (!data) return;
    if (data.tree.moments.length === 0) {
      res.status(404).json({ error: 'not_found', message: 'this profile has no samples in time' });
      return;
    }
    res.attachment(`${req.params.id}.cpuprofile`).type('json').json(toCpuProfile(data.tree));
  });

  router.get('/profiles/:id.pb.gz', async (req, res) => {
    const { data } = (await finished(res, req.params.id)) ?? {};
    if (data) res.attachment(`${req.params.id}.pb.gz`).type('application/gzip').send(data.pprof);
  });

  router.get('/profiles/:id', async (req, res) => {
    const query = reportQuery.safeParse(req.query);
    if (!query.success) return refuse(res, query.error);
    const { profile, data } = (await finished(res, req.params.id)) ?? {};
    if (!profile || !data) return;
    const { metric } = query.data;
    if (metric && !data.tree.metrics.includes(metric)) {
      const message = `metric: must be one of ${data.tree.metrics.join(', ')}`;
      res.status(400).json({ error: 'validation', field: 'metric', message });
      return;
    }
    res.json(profileReport(profile.summary(), data, query.data));
  });

  /** What has ended; for anything else it answers. */
  async function finished(
    res: Response,
    id: string,
  ): Promise<{ profile: Profile; data: ProfileData } | undefined> {
    const profile = recorder.get(id);
    if (!profile) {
      res.status(404).json({ error: 'not_found', message: 'no such profile: only the last ones are kept' });
    } else if (profile.summary().state === 'running') {
      res.status(202).set('Retry-After', '1').json({ profile: profile.summary() });
    } else return { profile, data: await profile.data };
    return undefined;
  }

  return router;
}

function refuse(res: Response, error: z.ZodError): void {
  const [issue] = error.issues;
  const field = issue?.path.join('.');
  res.status(400).json({ error: 'validation', field, message: `${field}: ${issue?.message}` });
}
