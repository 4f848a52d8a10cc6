import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the API sends of one policy: nearly all strings. Field by field as real answers have it. */
export type ApiRecord = Record<string, unknown>;

/** A policy that our users are told of, unless `fields` says otherwise. */
export function apiRecord(number: number, fields: ApiRecord = {}): ApiRecord {
  return {
    plcyNo: `20260101005400${String(number).padStart(6, '0')}`,
    bscPlanCycl: '2',
    pvsnInstGroupCd: '0054001',
    plcyPvsnMthdCd: '0042002',
    plcyAprvSttsCd: '0044002',
    plcyNm: `청년 일경험 지원 ${number}호`,
    plcyKywdNm: '인턴,교육지원',
    plcyExplnCn: `○ (사업목적) 청년의 첫 경력을 돕기 위한 ${number}번째 일경험 지원\n○ ('26년 사업비) 1,050백만원`,
    lclsfNm: '일자리',
    mclsfNm: '취업',
    plcySprtCn: '일경험 프로그램 참여 및 수당 지급',
    sprvsnInstCdNm: '고용노동부',
    operInstCd: '       ',
    operInstCdNm: '',
    aplyPrdSeCd: '0057002',
    bizPrdSeCd: '0056001',
    bizPrdBgngYmd: '20260101',
    bizPrdEndYmd: '',
    aplyUrlAddr: `https://www.work24.go.kr/policy/${number}`,
    refUrlAddr1: '',
    refUrlAddr2: '',
    sprtTrgtMinAge: '19',
    sprtTrgtMaxAge: '34',
    sprtTrgtAgeLmtYn: 'N',
    zipCd: '11110,26110,27110',
    inqCnt: '30',
    aplyYmd: '',
    frstRegDt: '2026-01-01 09:13:11',
    ...fields,
  };
}

export type PolicyFault =
  /** Status 200, and a code of its own; the message quotes the key. */
  | { readonly resultCode: number; readonly retryAfter?: string }
  | { readonly status: number; readonly retryAfter?: string }
  /** The connection is reset in the middle of the body. */
  | 'cut'
  /** Never answers. */
  | 'hang'
  /** Sends headers and half a body, and then nothing more. */
  | 'stall'
  /** A whole answer with half of its JSON. */
  | 'truncated'
  | 'html'
  | 'no fields'
  /** A body without end. */
  | 'huge'
  /** To itself, with the key in the address. */
  | 'redirect';

export interface PolicyCall {
  readonly page: number;
  readonly query: Readonly<Record<string, string>>;
  readonly at: number;
}

export type FakePolicyApi = Awaited<ReturnType<typeof startFakePolicyApi>>;

/** The youth-policy Open API on loopback: pages, keys, its own kind of errors, and the faults of the real world. */
export async function startFakePolicyApi({ key = 'fake-policy-key' }: { key?: string } = {}) {
  let records: readonly ApiRecord[] = [];
  let faults: PolicyFault[] = [];
  let permanent: { fault: PolicyFault; page: number | undefined } | undefined;
  let gate: Promise<void> | undefined;
  const calls: PolicyCall[] = [];

  const server = createServer(async (req, res) => {
    const url = new URL(req.url ?? '', 'http://127.0.0.1');
    const query = Object.fromEntries(url.searchParams);
    const [page, size] = [Number(query.pageNum), Number(query.pageSize)];
    calls.push({ page, query, at: performance.now() });
    const isStruck = permanent?.page === undefined || permanent.page === page;
    const fault = faults.shift() ?? (isStruck ? permanent?.fault : undefined);
    await gate;
    const whole = JSON.stringify({
      resultCode: 200,
      resultMessage: '성공적으로 데이터를 가지고 왔습니다.',
      result: {
        pagging: { totCount: records.length, pageNum: page, pageSize: size },
        youthPolicyList: records.slice((page - 1) * size, page * size),
      },
    });
    if (fault !== undefined) break_(res, fault, whole, `${url.pathname}${url.search}`);
    else if (query.apiKeyNm !== key) break_(res, { resultCode: 401 }, whole, url.search);
    else res.writeHead(200, { 'Content-Type': 'application/json;charset=UTF-8' }).end(whole);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/go/ythip/getPlcy`,
    key,
    /** Every call, in order. */
    calls,
    has(given: readonly ApiRecord[]) {
      records = given;
    },
    /** The next calls end so, one each; those after them are answered. */
    failNext(...next: PolicyFault[]) {
      faults.push(...next);
    },
    /** Every call ends so, or every call for one page. */
    failAlways(fault: PolicyFault, page?: number) {
      permanent = { fault, page };
    },
    /** No call is answered until it is let go. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },
    restore() {
      faults = [];
      permanent = undefined;
      calls.length = 0;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function break_(res: ServerResponse, fault: PolicyFault, whole: string, address: string): void {
  const json = { 'Content-Type': 'application/json;charset=UTF-8' };
  const half = whole.slice(0, whole.length / 2);
  if (typeof fault === 'object') {
    const header = fault.retryAfter === undefined ? {} : { 'Retry-After': fault.retryAfter };
    if ('status' in fault) {
      res.writeHead(fault.status, header).end(`no: ${address}`);
    } else {
      const { resultCode } = fault;
      res
        .writeHead(200, { ...json, ...header })
        .end(JSON.stringify({ resultCode, resultMessage: `인증키를 확인하세요: ${address}`, result: null }));
    }
  } else if (fault === 'cut') {
    res.writeHead(200, { ...json, 'Content-Length': Buffer.byteLength(whole) });
    res.write(half, () => res.destroy());
  } else if (fault === 'stall') {
    res.writeHead(200, json).write(half);
  } else if (fault === 'truncated') {
    res.writeHead(200, json).end(half);
  } else if (fault === 'html') {
    res.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>서비스 점검 중</title>');
  } else if (fault === 'no fields') {
    res.writeHead(200, json).end('{"resultCode":200,"result":{"policies":[]}}');
  } else if (fault === 'redirect') {
    res.writeHead(302, { Location: address }).end();
  } else if (fault === 'huge') {
    res.writeHead(200, json).write('{"resultCode":200,"result":{"youthPolicyList":["');
    const pour = () => {
      while (!res.destroyed && res.write('x'.repeat(64 * 1024)));
    };
    res.on('drain', pour);
    pour();
  }
}
