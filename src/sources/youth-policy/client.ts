import { type RetryLimits, retrying } from '../retry.ts';
import { SourceFault } from '../source-fault.ts';
import { faultOfStatus, type PolicyPage, readPage } from './answer.ts';

/** The youth-policy Open API of 온통청년; its interface is on https://www.youthcenter.go.kr/cmnFooter/openapiIntro/oaiDoc */
export interface YouthPolicyApi {
  readonly url: string;
  readonly key: string;
}

export interface CallLimits extends RetryLimits {
  /** Milliseconds for one call, its body included. */
  readonly timeoutMs: number;
  /** Bytes of one answer, unpacked. */
  readonly bodyBytes: number;
}

export interface YouthPolicyClient {
  /**
   * @param page from 1.
   * @throws {SourceFault} when there is no page to be had; the signal's reason when it was aborted.
   */
  page(page: number, size: number, signal: AbortSignal): Promise<PolicyPage>;
}

export function createYouthPolicyClient({ url, key }: YouthPolicyApi, limits: CallLimits): YouthPolicyClient {
  async function call(address: URL, signal: AbortSignal): Promise<PolicyPage> {
    const timeout = AbortSignal.timeout(limits.timeoutMs);
    try {
      const response = await fetch(address, {
        headers: { Accept: 'application/json' },
        // Whoever it pointed to would be sent the key.
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout]),
      });
      const retryAfter = retryAfterMs(response.headers.get('Retry-After'));
      if (response.status !== 200) {
        await response.body?.cancel();
        throw faultOfStatus(response.status, retryAfter);
      }
      return readPage(await limitedText(response, limits.bodyBytes), retryAfter);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SourceFault) throw error;
      throw new SourceFault(timeout.aborted ? 'timeout' : 'unreachable', { cause: error });
    }
  }

  return {
    page(page, size, signal) {
      const address = new URL(url);
      address.searchParams.set('apiKeyNm', key);
      address.searchParams.set('pageNum', String(page));
      address.searchParams.set('pageSize', String(size));
      address.searchParams.set('rtnType', 'json');
      return retrying(() => call(address, signal), limits, signal);
    },
  };
}

async function limitedText(response: Response, limit: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > limit) throw new SourceFault('too_large');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Seconds or a date, by RFC 9110; undefined when it is neither. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
