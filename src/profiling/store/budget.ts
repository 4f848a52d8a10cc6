const MEBIBYTE = 1024 * 1024;

/** What `PROFILER_STORE_MIB` may be: enough for some hundred traces, and no more than a process has to give. */
export const STORE_MIB = { least: 4, usual: 32, most: 1_024 };

/**
 * Bytes of the trace store. Read before the configuration, which stops the start when the value cannot be used: until
 * then the usual one stands in.
 */
export function storeBytesFrom({
  PROFILER_STORE_MIB: given,
}: Readonly<Record<string, string | undefined>>): number {
  const mebibytes = Number(given || STORE_MIB.usual);
  const isUsable = Number.isInteger(mebibytes) && mebibytes >= STORE_MIB.least && mebibytes <= STORE_MIB.most;
  return (isUsable ? mebibytes : STORE_MIB.usual) * MEBIBYTE;
}
