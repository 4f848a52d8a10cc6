import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import supertest from 'supertest';
import { parse } from 'yaml';
import packageFile from '../../../package.json' with { type: 'json' };
import { CONFIG_VARIABLES, readConfig } from '../../../src/config.ts';
import { buildOpsApp } from '../../../src/http/ops-app.ts';
import { imageEnvironment, PROJECT, readStages } from '../../support/deployment/dockerfile.ts';
import { kubernetesFaults } from '../../support/deployment/kubernetes-schema.ts';
import { buildKustomization, type Manifest } from '../../support/deployment/kustomize.ts';
import { telemetryVariables } from '../../support/deployment/variables.ts';

const base = buildKustomization('deploy/base');
const production = buildKustomization('deploy/production');

/** What the secret `meari-secrets` must hold; docs/deployment.md names them. */
const SECRETS = {
  DATABASE_URL: 'postgres://meari:secret@postgres.example/meari',
  REDIS_URL: 'rediss://:secret@redis.example:6379',
};

const ROLES = ['api', 'worker'] as const;

describe('deploy/', () => {
  test('is what Kubernetes takes, and has no field that it does not know', async () => {
    assert.deepEqual(await kubernetesFaults(base), []);
    assert.deepEqual(await kubernetesFaults(production), []);
  });

  test('a field of no meaning and a wrong value would be told', async () => {
    const deployment = find(base, 'Deployment', 'meari-api');
    const misspelt = { ...deployment, spec: { ...deployment.spec, replcas: 2 } };
    assert.match((await kubernetesFaults([misspelt])).join(), /replcas/);
    const wrong = { ...deployment, spec: { ...deployment.spec, replicas: 'two' } };
    assert.match((await kubernetesFaults([wrong])).join(), /data\/spec\/replicas must be integer/);
  });

  test('holds no secret, and every file of the base belongs to it', () => {
    assert.ok(production.every(({ kind }) => kind !== 'Secret'));
    const { resources } = parse(readFileSync(join(PROJECT, 'deploy/base/kustomization.yaml'), 'utf8'));
    const files = globSync('*.yaml', { cwd: join(PROJECT, 'deploy/base') });
    assert.deepEqual(resources.sort(), files.filter((file) => file !== 'kustomization.yaml').sort());
  });

  test('production: one namespace, and the image of this version', () => {
    for (const { kind, metadata } of production) {
      if (kind !== 'Namespace') assert.equal(metadata.namespace, 'meari', kind);
    }
    for (const { image } of ROLES.flatMap((role) => allContainers(pod(production, role)))) {
      assert.equal(image.split(':')[1], packageFile.version);
    }
  });
});

describe('the pods', () => {
  for (const role of ROLES) {
    test(`${role}: every variable is read by the code, and the service starts with them`, () => {
      const [container] = pod(production, role).containers;
      const variables = variablesOf(container, production);
      const known = [...CONFIG_VARIABLES, ...telemetryVariables()];
      assert.deepEqual(
        Object.keys(variables).filter((variable) => !known.includes(variable)),
        [],
      );
      const config = readConfig({ ...imageEnvironment(), ...variables });
      assert.equal(config.role, role);
      assert.equal(config.environment, 'production');
      assert.equal(config.ops.host, '0.0.0.0');
      const ports = Object.fromEntries(
        container.ports.map(({ name, containerPort }: Port) => [name, containerPort]),
      );
      assert.deepEqual(
        ports,
        role === 'api' ? { http: config.api.port, ops: config.ops.port } : { ops: config.ops.port },
      );
    });

    test(`${role}: probes ask what the operators’ listener has`, async () => {
      const [container] = pod(base, role).containers;
      const app = buildOpsApp({
        telemetry: undefined,
        checks: [],
        optional: [],
        jobs: undefined,
        profiler: undefined,
      });
      for (const [probe, path] of [
        ['startupProbe', '/livez'],
        ['livenessProbe', '/livez'],
        ['readinessProbe', '/readyz'],
      ] as const) {
        assert.deepEqual(container[probe].httpGet, { path, port: 'ops' });
        await supertest(app).get(path).expect(200);
      }
    });

    test(`${role}: is not root, writes nothing, and gets the time that it needs to stop`, () => {
      const spec = pod(base, role);
      const user = readStages()
        .at(-1)
        ?.instructions.find(({ keyword }) => keyword === 'USER');
      assert.equal(`${spec.securityContext.runAsUser}:${spec.securityContext.runAsGroup}`, user?.text);
      assert.equal(spec.securityContext.runAsNonRoot, true);
      for (const { securityContext, resources } of allContainers(spec)) {
        assert.equal(securityContext.readOnlyRootFilesystem, true);
        assert.equal(securityContext.allowPrivilegeEscalation, false);
        assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] });
        assert.ok(resources.requests.cpu && resources.requests.memory && resources.limits.memory);
      }
      const wait = spec.containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
      const [, limit] =
        /SHUTDOWN_LIMIT_MS = ([\d_]+)/.exec(readFileSync(join(PROJECT, 'src/main.ts'), 'utf8')) ?? [];
      assert.ok(
        spec.terminationGracePeriodSeconds * 1_000 > wait * 1_000 + Number(limit?.replaceAll('_', '')),
      );
    });

    test(`${role}: the database is brought up to date first, with the same variables`, () => {
      const { containers, initContainers } = pod(base, role);
      const [migrate] = initContainers;
      assert.ok(existsSync(join(PROJECT, migrate.command.at(-1))), migrate.command.at(-1));
      assert.equal(`node ${migrate.command.at(-1)}`, packageFile.scripts.migrate);
      assert.equal(migrate.image, containers[0].image);
      assert.deepEqual(migrate.envFrom, containers[0].envFrom);
      // Without a role of its own it is ready to read with them alone.
      assert.ok(readConfig({ ...imageEnvironment(), ...variablesOf(migrate, base) }).database.url);
    });
  }
});

describe('what stands around the pods', () => {
  test('every selector means the pods of one deployment', () => {
    const labels = ROLES.map(
      (role) => find(base, 'Deployment', `meari-${role}`).spec.template.metadata.labels,
    );
    const selectors = base.flatMap(({ kind, spec }) => {
      if (kind === 'Service') return [spec.selector];
      if (kind === 'NetworkPolicy') return [spec.podSelector.matchLabels];
      return ['Deployment', 'PodDisruptionBudget'].includes(kind) ? [spec.selector.matchLabels] : [];
    });
    assert.equal(selectors.length, 9);
    for (const selector of selectors) {
      assert.equal(labels.filter((each) => matches(selector, each)).length, 1, JSON.stringify(selector));
    }
  });

  test('services and policies name ports that their pods have', () => {
    for (const { kind, metadata, spec } of base) {
      const role = (spec?.selector ?? spec?.podSelector?.matchLabels)?.['app.kubernetes.io/name']?.slice(6);
      const ports: string[] =
        kind === 'Service'
          ? spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort)
          : kind === 'NetworkPolicy'
            ? spec.ingress.flatMap((rule: { ports: { port: string }[] }) =>
                rule.ports.map(({ port }) => port),
              )
            : [];
      const there = ports.length > 0 ? pod(base, role).containers[0].ports.map(({ name }: Port) => name) : [];
      for (const port of ports) assert.ok(there.includes(port), `${kind} ${metadata.name}: ${port}`);
    }
  });

  test('Prometheus finds both by the names of the jobs that rules and dashboards go by', () => {
    const { spec } = find(base, 'ServiceMonitor', 'meari');
    const [{ key, operator, values }] = spec.selector.matchExpressions;
    assert.deepEqual([key, operator], [spec.jobLabel, 'In']);
    const found = base.filter(
      ({ kind, metadata: { labels = {} } }) =>
        kind === 'Service' && matches(spec.selector.matchLabels, labels) && values.includes(labels[key]),
    );
    const jobs = found.map(({ metadata }) => metadata.labels?.[spec.jobLabel]);
    assert.deepEqual(jobs.sort(), ['meari-api', 'meari-worker']);
    const { ops } = readConfig({});
    for (const service of found) {
      assert.deepEqual(service.spec.ports, [
        { name: spec.endpoints[0].port, port: ops.port, targetPort: 'ops' },
      ]);
    }
    assert.equal(spec.endpoints[0].path, '/metrics');
  });

  test('the autoscalers decide how many, between two and what the database has connections for', () => {
    const scalers = base.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    const most = scalers.map(({ spec }) => {
      const { kind, name } = spec.scaleTargetRef;
      assert.equal(find(base, kind, name).spec.replicas, undefined);
      assert.ok(spec.minReplicas >= 2 && find(base, 'PodDisruptionBudget', name).spec.maxUnavailable === 1);
      return spec.maxReplicas as number;
    });
    const pool = Number(find(base, 'ConfigMap', 'meari-config').data.DATABASE_POOL_MAX);
    const comment = readFileSync(join(PROJECT, 'deploy/base/autoscaling.yaml'), 'utf8');
    const connections = most.reduce((sum, count) => sum + count * pool, 0);
    assert.match(comment, new RegExp(`: ${connections} of the database`));
  });

  test('workers grow before they are full, by a metric that the code records', () => {
    const [{ external }] = find(base, 'HorizontalPodAutoscaler', 'meari-worker').spec.metrics;
    const concurrency = Number(find(base, 'ConfigMap', 'meari-config').data.SESSION_CONCURRENCY);
    assert.ok(Number(external.target.averageValue) < concurrency);
    const { rules } = parse(readFileSync(join(PROJECT, 'deploy/prometheus-adapter.yaml'), 'utf8'));
    const [{ name, seriesQuery, metricsQuery }] = rules.external;
    assert.equal(name.as, external.metric.name);
    const [series = ''] = seriesQuery.split('{');
    assert.ok(metricsQuery.includes(`${series}{`));
    const metrics = readFileSync(join(PROJECT, 'src/sessions/session-metrics.ts'), 'utf8');
    assert.ok(metrics.includes(`'${series.replaceAll('_', '.')}'`), series);
  });
});

interface Port {
  readonly name: string;
  readonly containerPort: number;
}

function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  assert.ok(found, `${kind} ${name}`);
  return found;
}

function pod(manifests: readonly Manifest[], role: string): Manifest['spec'] {
  return find(manifests, 'Deployment', `meari-${role}`).spec.template.spec;
}

function allContainers({ containers, initContainers }: Manifest['spec']): Manifest['spec'][] {
  return [...containers, ...initContainers];
}

/** Secrets are there as the operator has to make them. */
function variablesOf({ env = [], envFrom }: Manifest['spec'], manifests: readonly Manifest[]) {
  const variables: Record<string, string> = {};
  for (const { configMapRef, secretRef } of envFrom) {
    if (configMapRef) Object.assign(variables, find(manifests, 'ConfigMap', configMapRef.name).data);
    else assert.equal(secretRef.name, 'meari-secrets');
    if (secretRef) Object.assign(variables, SECRETS);
  }
  for (const { name, value } of env) variables[name] = value;
  return variables;
}

function matches(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([label, value]) => labels[label] === value);
}
