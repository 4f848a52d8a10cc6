import { parser } from '@prometheus-io/lezer-promql';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** What the values of a query are. */
export interface Measure {
  /** Exponents: `{ s: 1 }` is seconds, `{ s: -1 }` events a second; empty is a number of things, or a ratio. */
  readonly dimensions: Readonly<Record<string, number>>;
  /** A part of a whole that is measured alike, or a share of time. */
  readonly isRatio: boolean;
  /** Of what a histogram observed, where the values are numbers of observations by bucket. */
  readonly observed?: Measure;
}

const COUNT: Measure = { dimensions: {}, isRatio: false };
const SECONDS: Measure = { dimensions: { s: 1 }, isRatio: false };
const SHARE: Measure = { dimensions: {}, isRatio: true };

/** Fits all: the number in `vector(0)`, `x > 0`, `100 * x`. */
type Inferred = Measure | 'number';

/** Names that do not end in their unit. */
const UNITS: Readonly<Record<string, Measure>> = {
  meari_llm_cost_total: { dimensions: { USD: 1 }, isRatio: false },
  nodejs_eventloop_utilization: SHARE,
};

const COUNTER = /_(total|count|sum|bucket)$/;
/** Named by the semantic conventions, as if it were one. */
const NO_COUNTER = 'db_client_connection_count';

/**
 * The unit of a query, from the units in the names of its metrics.
 *
 * @throws {Error} when it adds or compares what is measured differently, takes the rate of what is no counter, or shows
 * a counter as it stands.
 */
export function measure(query: string): Measure {
  const inferred = infer(parser.parse(query).topNode.firstChild, query, false);
  if (inferred === 'number') throw new Error(`a number, and no query: ${query}`);
  return inferred;
}

function infer(node: SyntaxNode | null, query: string, inRate: boolean): Inferred {
  const text = node === null ? '' : query.slice(node.from, node.to);
  const fail = (why: string): never => {
    throw new Error(`${why}: ${text} in ${query}`);
  };
  const within = (inner: SyntaxNode | null, isRate = inRate) => infer(inner, query, isRate);
  switch (node?.name) {
    case 'NumberDurationLiteral':
      return 'number';
    case 'ParenExpr':
    case 'UnaryExpr':
      return within(node.lastChild?.name === ')' ? node.lastChild.prevSibling : node.lastChild);
    case 'VectorSelector': {
      const name = query.slice(node.firstChild?.from, node.firstChild?.to);
      if ((COUNTER.test(name) && name !== NO_COUNTER) !== inRate)
        fail(inRate ? 'the rate of a gauge' : 'a counter without its rate');
      return ofMetric(name);
    }
    case 'AggregateExpr': {
      const value = within(node.getChild('FunctionCallBody')?.lastChild ?? null);
      return /^count\b/.test(text) ? COUNT : value;
    }
    case 'FunctionCall':
      return ofFunction(node, query, inRate, fail);
    case 'BinaryExpr': {
      const [left, right] = [within(node.firstChild), within(node.lastChild)];
      return combine(operatorOf(node), left, right, query.slice(node.from, node.to), fail);
    }
    default:
      return fail(`not understood (${node?.name})`);
  }
}

function ofMetric(name: string): Measure {
  const known = UNITS[name];
  if (known) return known;
  if (name.startsWith('meari:')) return /budget|objective/.test(name) ? SHARE : COUNT;
  const base = name.replace(COUNTER, '');
  const measured: Measure = base.endsWith('_seconds')
    ? SECONDS
    : base.endsWith('_bytes')
      ? { dimensions: { bytes: 1 }, isRatio: false }
      : COUNT;
  if (name.endsWith('_bucket')) return { ...COUNT, observed: measured };
  return name.endsWith('_count') ? COUNT : measured;
}

function ofFunction(
  node: SyntaxNode,
  query: string,
  inRate: boolean,
  fail: (why: string) => never,
): Inferred {
  const name = query.slice(node.firstChild?.from, node.firstChild?.to);
  const body = node.getChild('FunctionCallBody');
  const first = body?.firstChild ?? null;
  if (name === 'vector') return 'number';
  if (name === 'label_replace' || name === 'round') return infer(first, query, inRate);
  if (name === 'rate' || name === 'increase') {
    const counted = infer(first?.firstChild ?? null, query, true);
    if (name === 'increase' || counted === 'number') return counted;
    const dimensions = times(counted.dimensions, { s: -1 });
    // Seconds of each second are a share of the time.
    return { ...counted, dimensions, isRatio: Object.keys(dimensions).length === 0 };
  }
  if (name === 'histogram_quantile') {
    const counted = infer(body?.lastChild ?? null, query, inRate);
    return (counted !== 'number' && counted.observed) || fail('no buckets');
  }
  return fail(`not understood (${name})`);
}

function operatorOf(node: SyntaxNode): string {
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (/^(Add|Sub|Mul|Div|Gtr|Gte|Lss|Lte|EqlC|Neq|And|Or|Unless)$/.test(child.name)) return child.name;
  }
  return '';
}

function combine(
  operator: string,
  left: Inferred,
  right: Inferred,
  text: string,
  fail: (why: string) => never,
): Inferred {
  if (operator === 'Mul' || operator === 'Div') {
    if (right === 'number') return left;
    if (left === 'number') return operator === 'Mul' ? right : fail('a number divided by a measure');
    const dimensions = times(left.dimensions, right.dimensions, operator === 'Div' ? -1 : 1);
    // A mean of a histogram is no ratio, although its sum may be counted as its observations are.
    const isMean = /_sum\b.*_count\b/s.test(text);
    return { dimensions, isRatio: operator === 'Div' && !isMean && Object.keys(dimensions).length === 0 };
  }
  if (left === 'number' || right === 'number') return left === 'number' ? right : left;
  if (unitOf(left) !== unitOf(right)) fail(`${unitOf(left)} and ${unitOf(right)} together`);
  return left;
}

function times(a: Measure['dimensions'], b: Measure['dimensions'], sign = 1): Measure['dimensions'] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  const exponents = [...names].map((name) => [name, (a[name] ?? 0) + sign * (b[name] ?? 0)] as const);
  return Object.fromEntries(exponents.filter(([, exponent]) => exponent !== 0));
}

/** The units of Grafana that say it. */
export function unitsFor(measured: Measure): readonly string[] {
  const units = UNITS_OF_GRAFANA[unitOf(measured)];
  if (units === undefined) throw new Error(`no unit for ${unitOf(measured)}`);
  return units;
}

const UNITS_OF_GRAFANA: Readonly<Record<string, readonly string[]>> = {
  s: ['s'],
  bytes: ['bytes'],
  USD: ['currencyUSD'],
  'things a second': ['ops', 'reqps'],
  things: ['short'],
  ratio: ['percentunit'],
};

function unitOf({ dimensions, isRatio }: Measure): string {
  const exponents = Object.entries(dimensions);
  if (exponents.length === 0) return isRatio ? 'ratio' : 'things';
  const [[name, exponent] = []] = exponents;
  if (exponents.length === 1 && exponent === 1) return name ?? '';
  return exponents.length === 1 && name === 's' && exponent === -1
    ? 'things a second'
    : JSON.stringify(dimensions);
}
