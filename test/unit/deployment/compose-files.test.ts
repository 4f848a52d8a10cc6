import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { readConfig } from '../../../src/config.ts';
import { IMAGE_PORTS, readCompose, serviceOf } from '../../support/deployment/compose.ts';
import { imageEnvironment, PROJECT } from '../../support/deployment/dockerfile.ts';

const compose = readCompose();

describe('the files that docker-compose.yml mounts', () => {
  test('are there, and read-only', () => {
    for (const { source, options } of mounts()) {
      assert.ok(existsSync(join(PROJECT, source)), source);
      assert.equal(options, 'ro', source);
    }
  });

  test('Prometheus: the file that it is started with, its rules, and every target', () => {
    const [, config = ''] =
      /--config\.file=(\S+)/.exec(serviceOf(compose, 'prometheus').command?.join(' ') ?? '') ?? [];
    const folder = mounted('prometheus', config);
    const { rule_files = [], scrape_configs } = parse(readFileSync(folder, 'utf8')) as PrometheusConfig;
    for (const pattern of rule_files) {
      assert.ok(globSync(pattern, { cwd: join(folder, '..') }).length > 0, `rules ${pattern}`);
    }
    const jobs = new Map(scrape_configs.map((job) => [job.job_name, job]));
    for (const name of ['api', 'worker']) {
      const found = jobs.get(`meari-${name}`)?.dns_sd_configs ?? [];
      const { ops } = readConfig(imageEnvironment());
      assert.deepEqual(
        found.map(({ names, type, port }) => ({ names, type, port })),
        [{ names: [name], type: 'A', port: ops.port }],
      );
    }
    for (const { static_configs = [] } of scrape_configs) {
      for (const target of static_configs.flatMap(({ targets }) => targets)) {
        const [host = '', port] = target.split(':');
        const service = host === 'localhost' ? 'prometheus' : host;
        assert.ok(IMAGE_PORTS[service]?.includes(Number(port)), target);
      }
    }
  });

  test('Grafana: data sources that exist, and the folder of the dashboards', () => {
    const provisioning = mounted('grafana', '/etc/grafana/provisioning');
    const sources = yamlFiles(join(provisioning, 'datasources')).flatMap(
      ({ datasources }) => datasources as { uid: string; url: string }[],
    );
    assert.deepEqual(sources.map(({ uid }) => uid).sort(), ['jaeger', 'prometheus']);
    for (const { uid, url } of sources) {
      const { hostname, port } = new URL(url);
      assert.equal(hostname, uid);
      assert.ok(IMAGE_PORTS[uid]?.includes(Number(port)), url);
    }
    const providers = yamlFiles(join(provisioning, 'dashboards')).flatMap(
      ({ providers: found }) => found as { options: { path: string } }[],
    );
    assert.ok(providers.length > 0);
    for (const { options } of providers) {
      assert.ok(globSync('*.json', { cwd: mounted('grafana', options.path) }).length > 0, options.path);
    }
  });
});

interface PrometheusConfig {
  readonly rule_files?: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly dns_sd_configs?: readonly { names: string[]; type: string; port: number }[];
    readonly static_configs?: readonly { targets: string[] }[];
  }[];
}

function mounts() {
  return Object.entries(compose.services).flatMap(([service, { volumes = [] }]) =>
    volumes.flatMap((volume) => {
      const [source = '', target = '', options] = volume.split(':');
      return source.startsWith('.') ? [{ service, source, target, options }] : [];
    }),
  );
}

/** What a service sees at a path, as a path of this machine. */
function mounted(service: string, path: string): string {
  const mount = mounts().find((each) => each.service === service && isWithin(each.target, path));
  assert.ok(mount, `${service}: nothing is mounted at ${path}`);
  return join(PROJECT, mount.source, relative(mount.target, path));
}

function isWithin(folder: string, path: string): boolean {
  return !relative(folder, path).startsWith('..');
}

function yamlFiles(folder: string): Record<string, unknown>[] {
  const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  return names.map((name) => parse(readFileSync(join(folder, name), 'utf8')));
}
