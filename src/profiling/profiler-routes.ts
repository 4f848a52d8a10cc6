import { fileURLToPath } from 'node:url';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import helmet from 'helmet';
import { type Access, type Answer, isOwnHost, isOwnOrigin } from './access.ts';
import { sendApiError } from './api-requests.ts';
import { type ApiDependencies, apiRoutes } from './api-routes.ts';

export const PROFILER_PATH = '/profiler';

const FOLDER = fileURLToPath(new URL('page', import.meta.url));

/** What the sign-in needs, and says nothing about the process. */
const OPEN_FILES = ['/sign-in.js', '/tokens.css', '/base.css'];

export interface ProfilerRoutesDependencies extends ApiDependencies {
  readonly access: Access;
  /** The name or address that the listener is bound to. */
  readonly host: string;
}

/** The profiler's page and its API, for a listener that is not the public's. To be mounted at `PROFILER_PATH`. */
export function profilerRoutes({ access, host, ...api }: ProfilerRoutesDependencies): Router {
  const router = Router();
  const serve = express.static(FOLDER, { index: false, redirect: false, cacheControl: false, etag: false });

  router.use(headers());
  router.use((req, res, next) => {
    if (!isOwnHost(req.get('Host'), host)) {
      sendApiError(res, 'FOREIGN_HOST', 'Host: ask for it by address, or as localhost');
    } else if (isOwnOrigin(req)) next();
    else sendApiError(res, 'FOREIGN_ORIGIN', 'Origin: not the profiler itself');
  });

  router.get(OPEN_FILES, serve);
  router.post('/sign-in', express.urlencoded({ extended: false, limit: 1024 }), async (req, res) => {
    const { token } = (req.body ?? {}) as { token?: unknown };
    const answer = await access.signIn(req, res, typeof token === 'string' ? token : '');
    if (answer.access === 'granted') res.redirect(303, `${req.baseUrl}/`);
    else askForToken(req, res, answer);
  });

  router.use(async (req, res, next) => {
    const answer = await access.check(req);
    if (answer.access === 'granted') next();
    else askForToken(req, res, answer);
  });
  router.use('/api', apiRoutes(api));
  router.get('/', (req, res, next) => {
    // The page's files are named relative to its folder.
    if (req.originalUrl.startsWith(`${req.baseUrl}/`)) {
      req.url = '/index.html';
      serve(req, res, next);
    } else res.redirect(308, `${req.baseUrl}/`);
  });
  router.use(serve);
  return router;
}

/** A person gets a form, a program an error. */
function askForToken(req: Request, res: Response, answer: Answer): void {
  const { access } = answer;
  if (answer.access === 'limited') res.set('Retry-After', String(answer.retryAfterSeconds));
  if (req.path.startsWith('/api')) {
    res.set('WWW-Authenticate', 'Bearer realm="profiler"');
    if (access === 'limited') sendApiError(res, 'TOO_MANY_ATTEMPTS', 'Authorization: too many wrong tokens');
    else if (access === 'wrong') sendApiError(res, 'WRONG_TOKEN', 'Authorization: not the PROFILER_TOKEN');
    else sendApiError(res, 'TOKEN_NEEDED', 'Authorization: Bearer PROFILER_TOKEN is needed');
    return;
  }
  res
    .status(access === 'limited' ? 429 : 401)
    .type('html')
    .send(signInPage(access));
}

/** The language and the theme are for `sign-in.js`, which also keeps the view that was asked for. */
function signInPage(access: Answer['access']): string {
  const problem = { wrong: 'wrong', limited: 'limited' }[access as string] ?? '';
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Profiler</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/profiler/tokens.css">
  <link rel="stylesheet" href="/profiler/base.css">
  <script type="module" src="/profiler/sign-in.js"></script>
</head>
<body>
  <main class="sign-in panel">
    <h1>Profiler</h1>
    <form id="form" method="post" action="/profiler/sign-in">
      <label for="token">Token <small>PROFILER_TOKEN</small></label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus aria-describedby="problem">
      <p id="problem" role="alert" data-problem="${problem}">${PROBLEMS[problem] ?? ''}</p>
      <button type="submit" class="primary">Sign in</button>
    </form>
  </main>
</body>
</html>
`;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  wrong: 'That is not the token.',
  limited: 'Too many wrong tokens. Try again in a minute.',
};

/** No script, style or frame but the page's own, and nothing that a browser or a proxy may keep. */
function headers(): RequestHandler[] {
  return [
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          connectSrc: ["'self'"],
          formAction: ["'self'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      strictTransportSecurity: false,
      // With `no-referrer` the sign-in form would come with `Origin: null`.
      referrerPolicy: { policy: 'same-origin' },
    }),
    (_req, res, next) => {
      res.set('Cache-Control', 'no-store');
      next();
    },
  ];
}
