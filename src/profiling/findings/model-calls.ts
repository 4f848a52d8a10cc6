import { covered, type SpanNode } from '../analysis/span-tree.ts';
import { asksModel, type Unit } from '../analysis/unit-of-work.ts';
import { callSiteOf, durationOf, groupBy, percent, type Rule, rounded } from './rule.ts';

/** PROFILERS: of the critical path. */
const DOMINATES_SHARE = 0.8;

/** One call of a model that most of the request's time depends on. */
export const modelDominates: Rule = (unit) =>
  modelCalls(unit).flatMap((call) => {
    const timeMs = timeOnPath(call, unit);
    const share = timeMs / durationOf(unit.root);
    if (share < DOMINATES_SHARE) return [];
    const model = modelOf(call);
    return [
      {
        rule: 'model-dominates',
        severity: 'info',
        title: `${percent(share)} of the time is one call of ${model}: answer in parts as they come, keep answers, or take a faster model`,
        evidence: { model, share: rounded(share) },
        callSite: callSiteOf([call]),
        step: call.step,
        count: 1,
        timeMs,
        savingMs: undefined,
        nodes: [call],
        identity: `${call.step}\n${model}`,
      },
    ];
  });

/** The same prompt twice in one piece of work, although the first call was answered. */
export const identicalPrompts: Rule = (unit) => {
  const asked = modelCalls(unit).filter(({ span }) => span.notes !== undefined && !span.failed);
  const groups = groupBy(asked, ({ span }) => span.notes?.values);
  return [...groups.values()].flatMap((calls) => {
    const [first] = calls;
    if (first === undefined || calls.length < 2) return [];
    const model = modelOf(first);
    return [
      {
        rule: 'identical-prompts',
        severity: 'warning',
        title: `${model} is asked the same ${calls.length} times: keep the first answer`,
        evidence: { model, prompts: calls.length },
        callSite: callSiteOf(calls),
        step: first.step,
        count: calls.length,
        timeMs: covered(calls),
        savingMs: Math.max(0, covered(calls) - Math.max(...calls.map(durationOf))),
        nodes: calls,
        identity: `${first.step}\n${model}`,
      },
    ];
  });
};

/** The outermost, where a library spans each attempt as well. */
export function modelCalls(unit: Unit): readonly SpanNode[] {
  return unit.nodes.filter((node) => isModel(node) && !ancestorsOf(node).some(isModel));
}

function isModel({ span }: SpanNode): boolean {
  return asksModel(span);
}

export function modelOf({ span }: SpanNode): string {
  return String(span.attributes['gen_ai.request.model']);
}

export function timeOnPath(call: SpanNode, { path }: Unit): number {
  return path
    .filter(({ node }) => node === call || ancestorsOf(node).includes(call))
    .reduce((total, segment) => total + durationOf(segment), 0);
}

function ancestorsOf(node: SpanNode): readonly SpanNode[] {
  const above: SpanNode[] = [];
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) above.push(parent);
  return above;
}
