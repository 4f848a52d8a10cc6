import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRuleFiles } from './rule-files.ts';

/** Leaving its scope removes the files. */
export interface ScaledRules extends AsyncDisposable {
  /** For `startPrometheus`. */
  readonly ruleFiles: readonly string[];
}

const MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The rules of `prometheus/rules/` with every duration shorter by `factor`: windows, how long something must last, and
 * the age of a session that is stuck. Shares and counts stay as they are.
 */
export async function scaleRules(factor: number): Promise<ScaledRules> {
  const directory = await mkdtemp(join(tmpdir(), 'meari-rules-'));
  const shorter = (duration: string): string => {
    const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(duration) ?? [];
    return `${Math.ceil((Number(count) * (MS[unit] ?? Number.NaN)) / factor)}ms`;
  };
  const scaleExpression = (expression: string): string =>
    expression
      .replace(/\[(\w+)(?::(\w+))?\]/g, (_, window: string, step: string | undefined) =>
        step === undefined ? `[${shorter(window)}]` : `[${shorter(window)}:${shorter(step)}]`,
      )
      .replace(/(age_seconds:max > )(\d+)/, (_, asked: string, age: string) => asked + Number(age) / factor);

  const ruleFiles: string[] = [];
  for (const { name, groups } of readRuleFiles()) {
    const scaled = groups.map(({ interval, rules, ...group }) => ({
      ...group,
      ...(interval === undefined ? {} : { interval: shorter(interval) }),
      rules: rules.map((rule) => ({
        ...rule,
        expr: scaleExpression(rule.expr),
        ...(rule.for === undefined ? {} : { for: shorter(rule.for) }),
      })),
    }));
    const path = join(directory, name);
    // JSON is YAML.
    await writeFile(path, JSON.stringify({ groups: scaled }));
    ruleFiles.push(path);
  }
  return {
    ruleFiles,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
