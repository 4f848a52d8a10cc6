import { isIP } from 'node:net';
import { z } from 'zod';
import { toWriterSettings, writerVariables } from './config-writer.ts';
import { StartupError } from './errors.ts';
import { STORE_MIB } from './profiling/store/budget.ts';
import type { WriterSettings } from './writing/create-writer.ts';

const port = z.coerce.number().int().min(0).max(65535);
const milliseconds = z.coerce.number().int().positive();

/** An empty variable is the same as one that is not set: compose files and shells write `NAME=`. */
const text = z.string().min(1).optional();

const postgresUrl = z.string().refine((value) => /^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? ''), {
  message: 'must be a URL that starts with postgres://',
});

const redisUrl = z.string().refine((value) => /^rediss?:$/.test(URL.parse(value)?.protocol ?? ''), {
  message: 'must be a URL that starts with redis:// or rediss://',
});

const origins = z
  .string()
  .transform((value) => value.split(',').map((origin) => origin.trim()))
  .refine((list) => list.every((origin) => URL.parse(origin)?.origin === origin), {
    message: 'must be origins separated by commas, such as https://meari.example,http://localhost:3000',
  });

const webUrl = z.string().refine((value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''), {
  message: 'must be a URL that starts with https:// or http://',
});

/** What a path is put after. */
const webBase = webUrl.transform((value) => value.replace(/\/+$/, ''));

/** `true`, `false`, a number of hops, or a list of addresses: what Express takes as `trust proxy`. */
const trustProxy = z
  .string()
  .refine((value) => /^(true|false|\d+)$/.test(value) || value.split(',').every(isTrustedAddress), {
    message: 'must be true, false, a number of hops, or addresses separated by commas',
  })
  .transform((value) => {
    if (value === 'true' || value === 'false') return value === 'true';
    return /^\d+$/.test(value) ? Number(value) : value;
  });

/** An address, a network, or one of the names that Express has for some. */
function isTrustedAddress(text: string): boolean {
  const [address = '', bits = '0', ...more] = text.trim().split('/');
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text.trim())) return true;
  return isIP(address) !== 0 && /^\d{1,3}$/.test(bits) && more.length === 0;
}

const environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: text,
  PORT: port.default(8000),
  OPS_HOST: z.string().default('127.0.0.1'),
  OPS_PORT: port.default(9464),
  DATABASE_URL: postgresUrl.optional(),
  // Two at least: migrations run on one connection while another holds their lock.
  DATABASE_POOL_MAX: z.coerce.number().int().min(2).default(10),
  DATA_DIR: z.string().default('.data'),
  CORS_ORIGINS: origins.optional(),
  TRUST_PROXY: trustProxy.default(false),
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(0).optional(),
  ROLE: z.enum(['all', 'api', 'worker']).default('all'),
  REDIS_URL: redisUrl.optional(),
  SESSION_SYNC_WAIT_MS: milliseconds.default(50_000),
  SESSION_TIMEOUT_MS: milliseconds.default(120_000),
  SESSION_CONCURRENCY: z.coerce.number().int().min(1).default(32),
  SESSION_QUEUE_LIMIT: z.coerce.number().int().min(1).default(1_000),
  PROFILER_SLOW_ROUTES: z.enum(['on', 'off']).optional(),
  YOUTH_POLICY_API_KEY: text,
  YOUTH_POLICY_API_URL: webUrl.default('https://www.youthcenter.go.kr/go/ythip/getPlcy'),
  ...writerVariables,
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  PROFILER: z.enum(['on', 'off']).optional(),
  PROFILER_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, { message: 'must be at least 16 visible ASCII characters' })
    .optional(),
  // Telemetry reads it, which starts before: here it is only seen to that the value can be used.
  PROFILER_STORE_MIB: z.coerce.number().int().min(STORE_MIB.least).max(STORE_MIB.most).optional(),
  JAEGER_UI_URL: webBase.optional(),
  GRAFANA_URL: webBase.optional(),
});

/** Every variable that is read here, for what has to compare: files of a deployment name them too. */
export const CONFIG_VARIABLES: readonly string[] = Object.keys(environment.shape);

export interface Config {
  readonly environment: 'development' | 'test' | 'production';
  readonly api: {
    /** Undefined: every interface. */
    readonly host: string | undefined;
    readonly port: number;
    readonly corsOrigins: readonly string[];
    readonly trustProxy: boolean | number | string;
    /** Sessions that one user may create in a minute; 0 is no limit. */
    readonly rateLimitPerMinute: number;
  };
  readonly ops: { readonly host: string; readonly port: number };
  readonly database: {
    /** Undefined: the embedded Postgres in `dataDir`. */
    readonly url: string | undefined;
    readonly poolMax: number;
  };
  readonly dataDir: string;
  /** What this process does: answers requests, executes sessions, or both. */
  readonly role: 'all' | 'api' | 'worker';
  /** Undefined: one process, nothing shared. */
  readonly redisUrl: string | undefined;
  readonly sessions: {
    /** Milliseconds that a request waits for its session at most. */
    readonly syncWaitMs: number;
    /** Milliseconds that one run of the pipeline may take. */
    readonly timeoutMs: number;
    /** Sessions that this process executes at the same time. */
    readonly concurrency: number;
    /** Sessions that may wait, in all. */
    readonly queueLimit: number;
  };
  /** The profiler's page on the ops listener; undefined: it does not exist. */
  readonly profiler: ProfilerConfig | undefined;
  /** The youth-policy Open API; undefined: the seeded policies alone. */
  readonly youthPolicyApi: { readonly url: string; readonly key: string } | undefined;
  readonly writer: WriterSettings;
  readonly logLevel: string;
}

export interface ProfilerConfig {
  /** What opens it; undefined: whoever reaches the listener, which only this machine does. */
  readonly token: string | undefined;
  readonly jaegerUrl: string | undefined;
  readonly grafanaUrl: string | undefined;
  /** Whether a route that passes its p99 is profiled without anybody asking. */
  readonly slowRoutes: boolean;
}

/**
 * Reads the environment once.
 *
 * @throws {StartupError} naming every variable whose value cannot be used.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new StartupError(`bad configuration: ${problems.join('; ')}`);
  }
  const values = parsed.data;
  if (values.ROLE !== 'all' && !values.REDIS_URL) {
    throw new StartupError(
      `bad configuration: ROLE: ${values.ROLE} runs apart from the others and needs REDIS_URL`,
    );
  }
  const production = values.NODE_ENV === 'production';
  return deepFreeze({
    environment: values.NODE_ENV,
    api: {
      host: values.HOST,
      port: values.PORT,
      corsOrigins: values.CORS_ORIGINS ?? (production ? [] : ['http://localhost:3000']),
      trustProxy: values.TRUST_PROXY,
      rateLimitPerMinute: values.RATE_LIMIT_PER_MINUTE ?? (production ? 60 : 0),
    },
    ops: { host: values.OPS_HOST, port: values.OPS_PORT },
    database: { url: values.DATABASE_URL, poolMax: values.DATABASE_POOL_MAX },
    dataDir: values.DATA_DIR,
    role: values.ROLE,
    redisUrl: values.REDIS_URL,
    sessions: {
      syncWaitMs: values.SESSION_SYNC_WAIT_MS,
      timeoutMs: values.SESSION_TIMEOUT_MS,
      concurrency: values.SESSION_CONCURRENCY,
      queueLimit: values.SESSION_QUEUE_LIMIT,
    },
    profiler: profilerOf(values),
    youthPolicyApi: values.YOUTH_POLICY_API_KEY
      ? { url: values.YOUTH_POLICY_API_URL, key: values.YOUTH_POLICY_API_KEY }
      : undefined,
    writer: toWriterSettings(values),
    logLevel: values.LOG_LEVEL,
  });
}

/**
 * Open in development on loopback. Everywhere else it needs its token, and in production it has to be asked for too.
 *
 * @throws {StartupError} when it is asked for and has no token: it would be open to strangers.
 */
function profilerOf(values: z.output<typeof environment>): ProfilerConfig | undefined {
  const production = values.NODE_ENV === 'production';
  const isPublic = production || !isLoopback(values.OPS_HOST);
  const isWanted = values.PROFILER ?? (production ? 'off' : 'on');
  if (isWanted === 'off') return undefined;
  if (isPublic && !values.PROFILER_TOKEN) {
    if (values.PROFILER !== 'on') return undefined;
    throw new StartupError(
      'bad configuration: PROFILER_TOKEN: PROFILER=on needs it in production, and where OPS_HOST is not loopback',
    );
  }
  return {
    token: values.PROFILER_TOKEN,
    jaegerUrl: values.JAEGER_UI_URL,
    grafanaUrl: values.GRAFANA_URL,
    // A profile holds up the process for some 0.1 s at its start: operators decide when their users pay for it.
    slowRoutes: (values.PROFILER_SLOW_ROUTES ?? (production ? 'off' : 'on')) === 'on',
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function deepFreeze<T extends object>(value: T): T {
  for (const nested of Object.values(value)) {
    if (typeof nested === 'object' && nested !== null) deepFreeze(nested);
  }
  return Object.freeze(value);
}
