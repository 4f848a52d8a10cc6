/** Bytes to begin with: a batch of 512 spans takes some 100 KiB, and for a larger one it grows. */
const INITIAL_BYTES = 128 * 1024;
/** Bytes of a tag and a length at most. */
const HEAD_BYTES = 12;
/** Characters of a text that is written one by one; fewer than 128, so that its length is one byte. */
const SHORT = 64;

/** Tags of the first and the second field of a message, where they are texts or messages. */
const FIRST_TEXT = (1 << 3) | 2;
const SECOND_TEXT = (2 << 3) | 2;

/** The bytes of an identifier that is mostly the one before: the spans of a trace come one after the other. */
export interface KnownDigits {
  digits: string;
  readonly bytes: number[];
}

export type ProtobufWriter = ReturnType<typeof createProtobufWriter>;

/**
 * Writes messages of Protocol Buffers in one go, into a buffer that is used again for the next. A tag is a field's
 * number and its wire type, as the format has it: `number << 3 | wireType`.
 */
export function createProtobufWriter() {
  let bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  let at = 0;

  function reserve(more: number): void {
    const needed = at + more;
    if (needed <= bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, bytes.length * 2));
    bytes.copy(grown, 0, 0, at);
    bytes = grown;
  }

  function writeVarint(value: number): void {
    let rest = value;
    while (rest > 127) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    bytes[at++] = rest;
  }

  /** `Buffer`'s own checks the value, and takes several times as long. */
  function writeUint32(value: number): void {
    const [to, start, rest] = [bytes, at, value | 0];
    to[start] = rest;
    to[start + 1] = rest >> 8;
    to[start + 2] = rest >> 16;
    to[start + 3] = rest >> 24;
    at = start + 4;
  }

  function writeTag(tag: number): void {
    if (tag < 128) bytes[at++] = tag;
    else writeVarint(tag);
  }

  /** The characters alone, where all of them are ASCII. @returns where the next byte belongs; 0 when they are not. */
  function writeAscii(value: string, start: number): number {
    const { length } = value;
    const to = bytes;
    for (let place = 0; place < length; place++) {
      const code = value.charCodeAt(place);
      if (code > 127) return 0;
      to[start + place] = code;
    }
    return start + length;
  }

  /** Most texts are short and ASCII, for which calling into the runtime takes longer than writing them. */
  function writeShort(value: string): boolean {
    const end = value.length > SHORT ? 0 : writeAscii(value, at + 1);
    if (end === 0) return false;
    bytes[at] = value.length;
    at = end;
    return true;
  }

  return {
    /** Forgets what was written and not finished, because something could not be. */
    begin(): void {
      at = 0;
    },

    varint(tag: number, value: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      writeVarint(value);
    },

    /** 64 bits, of which a number cannot hold more than 53. */
    fixed64(tag: number, high: number, low: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      writeUint32(low);
      writeUint32(high);
    },

    fixed32(tag: number, value: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      writeUint32(value);
    },

    /** An `int64`, which takes ten bytes below zero. */
    int64(tag: number, value: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      if (value >= 0) {
        writeVarint(value);
        return;
      }
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) bytes[at++] = Number(rest & 127n) | 128;
      bytes[at++] = Number(rest);
    },

    double(tag: number, value: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      at = bytes.writeDoubleLE(value, at);
    },

    text(tag: number, value: string): void {
      reserve(HEAD_BYTES + value.length * 3);
      writeTag(tag);
      if (writeShort(value)) return;
      writeVarint(Buffer.byteLength(value));
      at += bytes.write(value, at);
    },

    /**
     * A message of two texts, of which the second is in a message of its own: an attribute of OpenTelemetry, in one go,
     * as most of them are short and ASCII. @returns false, and writes nothing, for others.
     */
    texts(tag: number, key: string, value: string): boolean {
      if (key.length > SHORT || value.length > SHORT - HEAD_BYTES) return false;
      reserve(HEAD_BYTES + key.length + value.length);
      const keyEnd = writeAscii(key, at + 4);
      const end = keyEnd === 0 ? 0 : writeAscii(value, keyEnd + 4);
      if (end === 0) return false;
      const to = bytes;
      to[at] = tag;
      to[at + 1] = end - at - 2;
      to[at + 2] = FIRST_TEXT;
      to[at + 3] = key.length;
      to[keyEnd] = SECOND_TEXT;
      to[keyEnd + 1] = value.length + 2;
      to[keyEnd + 2] = FIRST_TEXT;
      to[keyEnd + 3] = value.length;
      at = end;
      return true;
    },

    /** Bytes that are given as hexadecimal digits. Those of the last call are known, where `known` holds them. */
    hex(tag: number, digits: string, known?: KnownDigits): void {
      reserve(HEAD_BYTES + digits.length);
      writeTag(tag);
      const [to, length, start] = [bytes, digits.length >> 1, at + 1];
      to[at] = length;
      at = start + length;
      if (known !== undefined && known.digits === digits) {
        for (let place = 0; place < length; place++) to[start + place] = known.bytes[place] as number;
        return;
      }
      for (let place = 0; place < length; place++) {
        to[start + place] = (digitAt(digits, place * 2) << 4) | digitAt(digits, place * 2 + 1);
      }
      if (known === undefined) return;
      known.digits = digits;
      for (let place = 0; place < length; place++) known.bytes[place] = to[start + place] as number;
    },

    /** What another writer, or this one before, has written. */
    raw(written: Uint8Array): void {
      reserve(written.length);
      bytes.set(written, at);
      at += written.length;
    },

    /** A few bytes that are always the same. */
    constant(written: readonly number[]): void {
      reserve(written.length);
      const to = bytes;
      for (let place = 0; place < written.length; place++) to[at + place] = written[place] as number;
      at += written.length;
    },

    /** Begins a message inside of the message. @returns what `close` has to be told. */
    open(tag: number): number {
      reserve(HEAD_BYTES);
      writeTag(tag);
      at += 1;
      return at;
    },

    /** Writes the length before the message that was begun: most are short, and one byte was left for it. */
    close(start: number): void {
      const length = at - start;
      if (length < 128) {
        bytes[start - 1] = length;
        return;
      }
      const more = length < 128 ** 2 ? 1 : length < 128 ** 3 ? 2 : length < 128 ** 4 ? 3 : 4;
      reserve(more);
      bytes.copyWithin(start + more, start, at);
      at = start - 1;
      writeVarint(length);
      at += length;
    },

    /** A copy of all that was written since `begin`. */
    finish(): Uint8Array<ArrayBuffer> {
      return Buffer.from(bytes.subarray(0, at));
    },
  };
}

/** `0` to `9` and `a` to `f`. */
function digitAt(digits: string, place: number): number {
  const code = digits.charCodeAt(place);
  return (code & 15) + (code >> 6) * 9;
}
