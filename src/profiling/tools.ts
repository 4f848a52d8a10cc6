import { Router } from 'express';
import { onRequestEnd } from './activity.ts';
import { ProfileBusyError } from './cpu/errors.ts';
import { createProfileRecorder } from './cpu/recorder.ts';
import { profileRoutes } from './cpu/routes.ts';
import { watchSlowRoutes } from './cpu/slow-routes.ts';
import { createLive, type Gauges } from './live/live.ts';

export interface ProfilingToolsOptions {
  /** The folder that file names are relative to. */
  readonly projectRoot: string;
  /** Microseconds between two samples of time. */
  readonly intervalMicros: number;
  /** Whether a route that passes its p99 is profiled without anybody asking. */
  readonly profilesSlowRoutes: boolean;
  /** What the application can tell about itself at any moment. */
  readonly gauges: Gauges;
  /** Told when a profile that nobody asked for could not be taken. */
  readonly onError: (error: unknown) => void;
}

export type ProfilingTools = ReturnType<typeof createProfilingTools>;

/** Seconds of a profile that nobody asked for. */
const SHORT_SECONDS = 5;

/** What people use to look into this process: profiles, and how it is doing. */
export function createProfilingTools({
  projectRoot,
  intervalMicros,
  profilesSlowRoutes,
  gauges,
  onError,
}: ProfilingToolsOptions) {
  const live = createLive(gauges);
  const recorder = createProfileRecorder({ intervalMicros, projectRoot, onPause: live.paused });
  const unwatch = profilesSlowRoutes
    ? onRequestEnd(
        watchSlowRoutes((route) => {
          recorder
            .start({ kind: 'cpu', seconds: SHORT_SECONDS, cause: { kind: 'slow', route } })
            .catch((error) => {
              // Somebody is looking already.
              if (!(error instanceof ProfileBusyError)) onError(error);
            });
        }),
      )
    : () => {};
  const routes = Router();
  routes.use(profileRoutes(recorder));
  routes.get('/live', async (_req, res) => void res.json(await live.snapshot()));

  return {
    recorder,
    live,
    /** `/profiles` and `/live`, to be mounted where only operators come in. */
    routes,
    async close(): Promise<void> {
      unwatch();
      live.close();
      await recorder.close();
    },
  };
}
