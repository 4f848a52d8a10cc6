import type { RequestListener } from 'node:http';
import express, { type RequestHandler } from 'express';
import helmet from 'helmet';
import type { TagRepository } from './domain/ports.ts';
import { AppError } from './errors.ts';
import type { Auth } from './http/auth.ts';
import { authRoutes } from './http/auth-routes.ts';
import { docsRoutes } from './http/docs-routes.ts';
import { errorHandler } from './http/error-handler.ts';
import { allowOrigins, refuseForeignOrigins } from './http/origin.ts';
import { pageRoutes } from './http/page-routes.ts';
import type { Delivery } from './http/session-delivery.ts';
import { sessionRoutes } from './http/session-routes.ts';
import { tagRoutes } from './http/tag-routes.ts';
import type { Logger } from './log.ts';
import { withServerSpan } from './profiling/server-span.ts';
import type { SessionService } from './sessions/session-service.ts';

export interface AppDependencies {
  readonly auth: Auth;
  readonly service: SessionService;
  readonly tags: TagRepository;
  readonly log: Logger;
  readonly now: () => Date;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: boolean | number | string;
  readonly limitCreation: RequestHandler;
  readonly delivery: Delivery;
  readonly syncWaitMs: number;
  /** Tells those who may see the profiler where the request's trace is; undefined where there is no profiler. */
  readonly profileHeaders: RequestHandler | undefined;
}

/** The public listener's application. Whoever calls it decides where it listens. */
export function buildApp(dependencies: AppDependencies): RequestListener {
  const { auth, tags, log, now, corsOrigins, trustProxy } = dependencies;
  const app = express();
  app.set('trust proxy', trustProxy);
  app.set('etag', false);

  if (dependencies.profileHeaders) app.use(['/api', '/auth'], dependencies.profileHeaders);
  app.use(
    helmet({
      // A service without TLS of its own must not send browsers to https.
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
      // The frontend reads answers from another origin; who may is decided by CORS.
      crossOriginResourcePolicy: { policy: 'cross-origin' },
    }),
  );
  app.use(allowOrigins(corsOrigins));
  app.use(refuseForeignOrigins(corsOrigins));
  app.use('/api/v1/tags', tagRoutes(tags));
  app.use(['/api', '/auth'], (_req, res, next) => {
    // Personal: a shared cache must not keep it, a browser asks again each time.
    res.set('Cache-Control', 'private, no-cache');
    next();
  });
  app.use('/auth', authRoutes(auth));
  app.use('/api/v1/meari/sessions', sessionRoutes({ ...dependencies, requireUser: auth.requireUser }));
  app.use('/api', auth.requireUser);
  // After the API, which is asked for most: a path is compared with each route before its own.
  app.use(pageRoutes());
  app.use(docsRoutes());
  app.use(() => {
    throw new AppError('NOT_FOUND');
  });
  app.use(errorHandler(log, now));
  return withServerSpan(app);
}
