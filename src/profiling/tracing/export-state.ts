import { type ExportResult, ExportResultCode } from '@opentelemetry/core';

export type Signal = 'traces' | 'metrics';

/** A receiver has stopped to take what is sent to it, or takes it again. */
export interface ExportChange {
  readonly signal: Signal;
  readonly state: 'failing' | 'recovered';
  /** `HTTP 403`, `ECONNREFUSED`, `no answer`: never what the receiver says, nor where it is or with which key. */
  readonly reason?: string;
}

export type ExportListener = (change: ExportChange) => void;

interface Exporter<Items> {
  export(items: Items, onResult: (result: ExportResult) => void): void;
}

/**
 * Notices when an exporter begins to fail, and when it works again: once for each outage. What cannot be sent is
 * dropped; nobody in the process waits for it.
 */
export function createExportState() {
  const failing = new Map<Signal, ExportChange>();
  let tell: ExportListener = () => {};

  function noteResult(signal: Signal, { code, error }: ExportResult): void {
    const isFailing = failing.has(signal);
    if (code === ExportResultCode.SUCCESS) {
      failing.delete(signal);
      if (isFailing) tell({ signal, state: 'recovered' });
      return;
    }
    if (isFailing) return;
    const change: ExportChange = { signal, state: 'failing', reason: reasonOf(error) };
    failing.set(signal, change);
    tell(change);
  }

  return {
    /** The exporter, with its results looked at. */
    watch<Items, E extends Exporter<Items>>(signal: Signal, exporter: E): E {
      const send = exporter.export.bind(exporter);
      exporter.export = (items, onResult) =>
        send(items, (result) => {
          noteResult(signal, result);
          onResult(result);
        });
      return exporter;
    },

    /** Told of what changes from now on, and of what fails already. */
    listen(listener: ExportListener): void {
      tell = listener;
      for (const change of failing.values()) listener(change);
    },
  };
}

/** An HTTP status that asks for another attempt comes without a code when the attempts are over. */
function reasonOf(error: (Error & { code?: unknown }) | undefined): string {
  if (typeof error?.code === 'number') return `HTTP ${error.code}`;
  if (typeof error?.code === 'string') return error.code;
  if (error?.message === 'Request timed out') return 'no answer';
  return error?.message === 'Export failed with retryable status'
    ? 'asked to wait'
    : (error?.name ?? 'unknown');
}
