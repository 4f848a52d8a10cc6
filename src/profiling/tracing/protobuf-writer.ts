/** Bytes to begin with: a batch of 512 spans takes some 100 KiB. */
const INITIAL_BYTES = 128 * 1024;
/** Bytes of a tag and a length at most. */
const HEAD_BYTES = 12;
/** Characters of a text that is written one by one; fewer than 128, so that its length is one byte. */
const SHORT = 64;

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

  function writeTag(tag: number): void {
    if (tag < 128) bytes[at++] = tag;
    else writeVarint(tag);
  }

  /** Most texts are short and ASCII, for which calling into the runtime takes longer than writing them. */
  function writeShort(value: string): boolean {
    const { length } = value;
    if (length > SHORT) return false;
    const [to, start] = [bytes, at + 1];
    for (let place = 0; place < length; place++) {
      const code = value.charCodeAt(place);
      if (code > 127) return false;
      to[start + place] = code;
    }
    to[at] = length;
    at = start + length;
    return true;
  }

  return {
    varint(tag: number, value: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      writeVarint(value);
    },

    /** 64 bits, of which a number cannot hold more than 53. */
    fixed64(tag: number, high: number, low: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      bytes.writeUInt32LE(low, at);
      bytes.writeUInt32LE(high, at + 4);
      at += 8;
    },

    fixed32(tag: number, value: number): void {
      reserve(HEAD_BYTES);
      writeTag(tag);
      at = bytes.writeUInt32LE(value, at);
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

    /** Bytes that are given as hexadecimal digits. */
    hex(tag: number, digits: string): void {
      reserve(HEAD_BYTES + digits.length);
      writeTag(tag);
      const [to, length] = [bytes, digits.length >> 1];
      to[at] = length;
      for (let place = 0; place < length; place++) {
        to[at + 1 + place] = (digitAt(digits, place * 2) << 4) | digitAt(digits, place * 2 + 1);
      }
      at += 1 + length;
    },

    /** What another writer, or this one before, has written. */
    raw(written: Uint8Array): void {
      reserve(written.length);
      bytes.set(written, at);
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

    /** A copy of all that was written, after which the next message begins. */
    finish(): Uint8Array<ArrayBuffer> {
      const written = Buffer.from(bytes.subarray(0, at));
      at = 0;
      return written;
    },
  };
}

/** `0` to `9` and `a` to `f`. */
function digitAt(digits: string, place: number): number {
  const code = digits.charCodeAt(place);
  return (code & 15) + (code >> 6) * 9;
}
