import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** What is mounted at /etc/prometheus. */
export const PROMETHEUS = new URL('../../../prometheus/', import.meta.url).pathname;

export interface Rule {
  readonly expr: string;
  readonly for?: string;
}

export interface AlertRule extends Rule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule extends Rule {
  readonly record: string;
}

interface RuleFile<AnyRule> {
  readonly groups: readonly {
    readonly name: string;
    readonly interval?: string;
    readonly rules: readonly AnyRule[];
  }[];
}

export interface AlertTest {
  readonly alertname: string;
  readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
}

export function readRuleFiles(): (RuleFile<Rule> & { readonly name: string })[] {
  return readdirSync(join(PROMETHEUS, 'rules')).map((name) => ({
    name,
    ...readYaml<RuleFile<Rule>>(`rules/${name}`),
  }));
}

export function readAlerts(): AlertRule[] {
  return rulesOf(readYaml<RuleFile<AlertRule>>('rules/alerts.yml'));
}

export function readRecordings(): RecordingRule[] {
  return rulesOf(readYaml<RuleFile<RecordingRule>>('rules/recording.yml'));
}

/** Paths of the files for `promtool test rules`. */
export function ruleTestFiles(): string[] {
  return readdirSync(join(PROMETHEUS, 'tests')).map((name) => join(PROMETHEUS, 'tests', name));
}

/** What is expected of alerts in all of them. */
export function readAlertTests(): AlertTest[] {
  return ruleTestFiles().flatMap((path) => {
    const { tests } = parse(readFileSync(path, 'utf8')) as { tests: { alert_rule_test?: AlertTest[] }[] };
    return tests.flatMap(({ alert_rule_test = [] }) => alert_rule_test);
  });
}

function readYaml<Content>(path: string): Content {
  return parse(readFileSync(join(PROMETHEUS, path), 'utf8'));
}

function rulesOf<AnyRule>({ groups }: RuleFile<AnyRule>): AnyRule[] {
  return groups.flatMap(({ rules }) => rules);
}
