import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** What is mounted at /etc/prometheus. */
export const PROMETHEUS = new URL('../../../prometheus/', import.meta.url).pathname;

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

interface RuleFile<Rule> {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

export interface AlertTest {
  readonly alertname: string;
  readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
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

function rulesOf<Rule>({ groups }: RuleFile<Rule>): Rule[] {
  return groups.flatMap(({ rules }) => rules);
}
