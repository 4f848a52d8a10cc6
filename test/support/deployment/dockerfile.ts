import { readFileSync } from 'node:fs';
import { DockerfileParser } from 'dockerfile-ast';

/** One instruction: its name, its flags (`--from=…`), and what follows them. */
export interface Instruction {
  readonly keyword: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly text: string;
  readonly words: readonly string[];
}

export interface Stage {
  /** Undefined: the last one, which is the image. */
  readonly name: string | undefined;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export const PROJECT = new URL('../../../', import.meta.url).pathname;

export function readStages(): Stage[] {
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const parsed of DockerfileParser.parse(
    readFileSync(`${PROJECT}Dockerfile`, 'utf8'),
  ).getInstructions()) {
    const flags = 'getFlags' in parsed ? (parsed.getFlags as () => Flag[])() : [];
    const text = parsed.getArgumentsContent() ?? '';
    const instruction: Instruction = {
      keyword: parsed.getKeyword(),
      flags: Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ''])),
      text,
      words: text.split(/\s+/),
    };
    if (instruction.keyword === 'FROM') {
      const [base = '', , name] = instruction.words;
      stages.push({ name, base, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

interface Flag {
  getName(): string;
  getValue(): string | null;
}

/** The paths of the project that the Dockerfile copies into any of its stages. */
export function copiedPaths(): string[] {
  const copies = readStages().flatMap(({ instructions }) =>
    instructions.filter(({ keyword, flags }) => keyword === 'COPY' && !flags.from),
  );
  return copies.flatMap(({ words }) => words.slice(0, -1));
}

/** What `.dockerignore` lets into a build: it leaves everything out, and then names these. */
export function contextPaths(): string[] {
  const lines = readFileSync(`${PROJECT}.dockerignore`, 'utf8').split('\n');
  const [first, ...rest] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*' || !rest.every((line) => line.startsWith('!'))) {
    throw new Error('.dockerignore: `*` and then what is excepted from it is all that is known here');
  }
  return rest.map((line) => line.slice(1));
}

/** The variables that the image itself sets. */
export function imageEnvironment(): Record<string, string> {
  const instructions = readStages().at(-1)?.instructions ?? [];
  const words = instructions.filter(({ keyword }) => keyword === 'ENV').flatMap((env) => env.words);
  return Object.fromEntries(words.map((word) => word.split('=')));
}
