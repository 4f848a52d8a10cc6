/** As much of JSON Schema as answers use. */
export interface AnswerSchema {
  readonly type: 'object' | 'array' | 'string' | 'integer';
  readonly properties?: Readonly<Record<string, AnswerSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: AnswerSchema;
  readonly minItems?: number;
}

const SENTENCES = [
  '오래 애써 온 하루가 쌓여 마음이 무거웠을지도 모르겠어요.',
  '말로 다 하기 어려운 날에도 여기까지 온 걸음이 보여요.',
  '그 마음이 그저 지나가는 것이 아니었을 것 같아요.',
  '쉬어도 가벼워지지 않는 날이 있다는 것을 함께 떠올려 봐요.',
  '누가 알아주지 않아도 이어 온 시간이 있었을 거예요.',
];

/** An answer in Korean that meets the schema; always the same for the same schema. Integers count from 1. */
export function answerTo(schema: AnswerSchema): unknown {
  let sentence = 0;
  let number = 0;
  const write = ({ type, properties = {}, items, minItems = 1 }: AnswerSchema, key: string): unknown => {
    if (type === 'object') {
      return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, write(of, name)]));
    }
    if (type === 'array') return items && Array.from({ length: minItems }, () => write(items, key));
    if (type === 'integer') return ++number;
    const next = () => SENTENCES[sentence++ % SENTENCES.length] as string;
    return key === 'content' || key === 'summary' ? [next(), next(), next()].join(' ') : next();
  };
  return write(schema, '');
}

export type Part = 'persona' | 'empathy' | 'reflection' | 'session';

/** What is asked for, by what only it has: Gemini's protocol does not name it. */
export function partOf({ properties = {} }: AnswerSchema): Part {
  if ('persona' in properties) return 'session';
  if ('summary' in properties) return 'persona';
  return 'insight' in properties ? 'reflection' : 'empathy';
}
