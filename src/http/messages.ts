import type { FailureReason } from '../domain/session-events.ts';
import type { ErrorCode } from '../errors.ts';

/** What an error looks like from outside: its status, and what the user reads. */
export const ERRORS: Readonly<Record<ErrorCode, { readonly status: number; readonly message: string }>> = {
  VALIDATION_ERROR: { status: 400, message: '입력하신 내용을 다시 확인해주세요.' },
  UNAUTHENTICATED: { status: 401, message: '로그인이 필요해요. 다시 시작해주세요.' },
  FORBIDDEN: { status: 403, message: '허용되지 않은 요청이에요.' },
  NOT_FOUND: { status: 404, message: '요청하신 내용을 찾을 수 없어요.' },
  CONFLICT: { status: 409, message: '같은 요청을 처리하고 있어요. 잠시 후 다시 시도해주세요.' },
  PAYLOAD_TOO_LARGE: { status: 413, message: '보내신 내용이 너무 커요.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: '지원하지 않는 형식이에요. JSON으로 보내주세요.' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, message: '이미 다른 요청에 쓰인 요청 키예요.' },
  RATE_LIMITED: { status: 429, message: '요청이 너무 잦아요. 잠시 쉬었다가 다시 시도해주세요.' },
  INTERNAL: { status: 500, message: '문제가 생겼어요. 잠시 후 다시 시도해주세요.' },
  UNAVAILABLE: { status: 503, message: '지금은 이용이 어려워요. 잠시 후 다시 시도해주세요.' },
};

/** What its owner reads about a session that ended without a result. */
export const FAILURE_MESSAGES: Readonly<Record<FailureReason, string>> = {
  step_failed: '세션을 만드는 중에 문제가 생겼어요. 잠시 후 다시 시도해주세요.',
  timeout: '세션을 만드는 데 시간이 너무 오래 걸렸어요. 잠시 후 다시 시도해주세요.',
  attempts_exhausted: '여러 번 시도했지만 세션을 만들지 못했어요. 잠시 후 다시 시도해주세요.',
};

export const STATUS_MESSAGES = {
  queued: '세션 생성을 기다리고 있어요.',
  processing: '세션 생성 중입니다. 잠시 후 다시 확인해주세요.',
  completed: '세션이 완성되었어요.',
} as const;
