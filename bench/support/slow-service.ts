import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readConfig } from '../../src/config.ts';
import { createContainer } from '../../src/container.ts';
import type { SourceProvider, Writer } from '../../src/domain/ports.ts';
import { createLogger } from '../../src/log.ts';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { slowSources, slowWriter } from './slow-words.ts';

/**
 * The service with the fake model, as a process of its own: `service-process.ts` starts it and is at the other
 * end of the messages. Everything else is what `src/main.ts` runs.
 */

export type FromService =
  /** It works; `url` unless its role is to execute alone. */
  | { readonly kind: 'ready'; readonly url: string | undefined }
  /** The model has been called. */
  | { readonly kind: 'call'; readonly part: keyof Writer };

/** Lets the calls that wait for this part go on, so many a second; those that come later do not wait. */
export interface ToService {
  readonly release: keyof Writer;
  readonly perSecond: number;
}

const stopped = Promise.withResolvers<void>();
process.on('SIGTERM', () => stopped.resolve());
// A benchmark that is gone, however it ended, leaves no service behind.
process.on('disconnect', () => stopped.resolve());

const config = readConfig(process.env);
const corpus = Promise.withResolvers<SourceProvider>();
const container = await createContainer(
  config,
  createLogger(config.logLevel),
  process.env.BENCH_IS_FAST ? {} : { writer: fakeModel(), sources: fakeSources() },
);
corpus.resolve(createCorpusRepository(container.database));

const server = container.app && createServer(container.app);
if (server) await new Promise<void>((listening) => server.listen(config.api.port, '127.0.0.1', listening));
tell({ kind: 'ready', url: server && `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

await stopped.promise;
void container.stop();
server?.close();
server?.closeAllConnections();
await container.close();
await runningTelemetry()?.shutdown();
process.exit(0);

function tell(message: FromService): void {
  process.send?.(message);
}

function fakeModel(): Writer {
  const local = createLocalWriter();
  const writer = process.env.BENCH_HOLDS ? heldWriter(local) : slowWriter(local);
  return process.env.BENCH_REPORTS_CALLS ? reported(writer) : writer;
}

function fakeSources(): SourceProvider {
  return slowSources({ forTag: async (tagId) => (await corpus.promise).forTag(tagId) });
}

function reported(writer: Writer): Writer {
  const told = <T>(part: keyof Writer, text: Promise<T>): Promise<T> => {
    tell({ kind: 'call', part });
    return text;
  };
  return {
    persona: (brief, ...rest) => told('persona', writer.persona(brief, ...rest)),
    empathy: (brief, ...rest) => told('empathy', writer.empathy(brief, ...rest)),
    reflection: (brief, ...rest) => told('reflection', writer.reflection(brief, ...rest)),
  };
}

/** Writes no part before the benchmark says so: its sessions stay open for as long as it needs. */
function heldWriter(writer: Writer): Writer {
  const waiting: Record<keyof Writer, (() => void)[]> = { persona: [], empathy: [], reflection: [] };
  const released = new Set<keyof Writer>();
  const pass = async (part: keyof Writer): Promise<void> => {
    if (!released.has(part)) await new Promise<void>((go) => waiting[part].push(go));
  };
  process.on('message', async ({ release, perSecond }: ToService) => {
    released.add(release);
    for (const go of waiting[release]) {
      go();
      await delay(1000 / perSecond);
    }
  });
  return {
    persona: (brief, ...rest) => pass('persona').then(() => writer.persona(brief, ...rest)),
    empathy: (brief, ...rest) => pass('empathy').then(() => writer.empathy(brief, ...rest)),
    reflection: (brief, ...rest) => pass('reflection').then(() => writer.reflection(brief, ...rest)),
  };
}
