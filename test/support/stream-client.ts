/** A client of the event streams, as a browser's `fetch` is one. */

export interface StreamedLine {
  readonly status: string;
  readonly seq?: number;
  readonly session_id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever the line holds.
  readonly [field: string]: any;
}

export interface OpenStream {
  readonly response: Response;
  /** The next line; undefined at the end. */
  next(): Promise<StreamedLine | undefined>;
  /** All lines from here to the end. */
  rest(): Promise<StreamedLine[]>;
  /** Leaves without reading on. */
  leave(): void;
}

export async function openStream(url: string, init: RequestInit): Promise<OpenStream> {
  const controller = new AbortController();
  const response = await fetch(url, { ...init, signal: controller.signal });
  const lines = parse(response);
  const next = async () => (await lines.next()).value ?? undefined;
  return {
    response,
    next,
    async rest() {
      return Array.fromAsync(lines);
    },
    leave: () => controller.abort(),
  };
}

async function* parse(response: Response): AsyncGenerator<StreamedLine, void, void> {
  const isSse = response.headers.get('Content-Type')?.startsWith('text/event-stream');
  const separator = isSse ? '\n\n' : '\n';
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    for (let end = text.indexOf(separator); end >= 0; end = text.indexOf(separator)) {
      const block = text.slice(0, end);
      text = text.slice(end + separator.length);
      yield isSse ? parseSse(block) : JSON.parse(block);
    }
  }
}

/** Checks the frame as it reads it: `id:` is the event's own number. */
function parseSse(block: string): StreamedLine {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2)));
  const line = JSON.parse(fields.data ?? '');
  if (String(line.seq ?? '') !== (fields.id ?? '')) throw new Error(`id ${fields.id} on event ${line.seq}`);
  return line;
}
