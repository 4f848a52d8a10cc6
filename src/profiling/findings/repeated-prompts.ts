import { covered, type SpanNode } from '../analysis/span-tree.ts';
import type { Unit } from '../analysis/unit-of-work.ts';
import { modelCalls, modelOf, timeOnPath } from './model-calls.ts';
import { callSiteOf, type FoundIn, groupBy, type Rule } from './rule.ts';

/** Milliseconds within which an answer could have been kept: what users do in one sitting. */
const WINDOW_MS = 10 * 60_000;
/** Calls that are remembered in all, and of one prompt; those of the prompt not asked for longest go first. */
const CALLS = 5_000;
const CALLS_OF_ONE = 50;
/** Bytes of a call in memory: its object, and the ids that it shares with nobody once the trace is gone. */
const CALL_BYTES = 200;

interface PastCall {
  readonly id: string;
  /** Of the request or job that it was made for. */
  readonly unitId: string;
  readonly start: number;
}

/**
 * The prompts of other requests that a model has answered not long ago, by their keyed hash. Deterministic as well, but
 * for the traces that have come before: a trace that is looked at again is no other one.
 */
export function rememberPrompts() {
  /** The one asked last at the end. */
  const byPrompt = new Map<string, PastCall[]>();
  let calls = 0;

  /** The calls of other requests with this prompt, which is remembered from now on. */
  function noteCall({ id, start, span: { notes } }: SpanNode, unitId: string): readonly PastCall[] {
    const prompt = notes?.values ?? '';
    const known = byPrompt.get(prompt) ?? [];
    const recent = known.filter((past) => past.id !== id && Math.abs(past.start - start) <= WINDOW_MS);
    const kept = [...recent, { id, unitId, start }].slice(-CALLS_OF_ONE);
    byPrompt.delete(prompt);
    byPrompt.set(prompt, kept);
    calls += kept.length - known.length;
    for (const [oldest, gone] of byPrompt) {
      if (calls <= CALLS) break;
      byPrompt.delete(oldest);
      calls -= gone.length;
    }
    return recent.filter((past) => past.unitId !== unitId);
  }

  const rule: Rule = (unit) => {
    const asked = modelCalls(unit).filter(({ span }) => span.notes !== undefined && !span.failed);
    const repeated = asked.flatMap((call) => {
      const others = noteCall(call, unit.root.id);
      return others.length === 0 ? [] : [{ call, others }];
    });
    const groups = groupBy(repeated, ({ call }) => `${call.step}\n${modelOf(call)}`);
    return [...groups].map(([identity, found]) => findingOf(identity, found, unit));
  };

  return { rule, bytes: () => calls * CALL_BYTES };
}

function findingOf(
  identity: string,
  found: readonly { readonly call: SpanNode; readonly others: readonly PastCall[] }[],
  unit: Unit,
): FoundIn {
  const nodes = found.map(({ call }) => call);
  const others = found.flatMap((one) => one.others);
  const requests = new Set(others.map(({ unitId }) => unitId)).size + 1;
  const [model = ''] = nodes.map(modelOf);
  const prompts = nodes.length + others.length;
  return {
    rule: 'identical-prompts',
    severity: 'warning',
    title: `${model} is asked the same ${prompts} times by ${requests} requests within ${WINDOW_MS / 60_000} minutes: keep the first answer`,
    evidence: { model, prompts, requests },
    callSite: callSiteOf(nodes),
    step: nodes[0]?.step,
    count: prompts,
    timeMs: covered(nodes),
    savingMs: nodes.reduce((sum, call) => sum + timeOnPath(call, unit), 0),
    nodes,
    identity: `${identity}\nin other requests`,
  };
}
