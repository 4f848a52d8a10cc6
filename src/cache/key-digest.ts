import { hash } from 'node:crypto';
import type { CacheKey } from './named-cache.ts';

/**
 * Digests of keys that tell nothing without the secret: SHA-256 with the secret on both sides ("envelope" method, as
 * RFC 1828 did with MD5), which Node computes four times as fast as an HMAC.
 */
export function keyDigest(secret: Buffer): (key: CacheKey) => string {
  const envelope = secret.toString('base64');
  return (key) => {
    let text = envelope;
    for (const part of key) {
      const value = typeof part === 'object' ? part.toString('base64') : String(part);
      // Type and length in front: no two keys can read the same.
      text += `${typeof part}${value.length}:${value}`;
    }
    return hash('sha256', text + envelope, 'base64url');
  };
}
