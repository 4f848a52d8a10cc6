/** The same again, with what was wrong the first time. The faults name places and rules: nothing of the answer. */
export function withFaults(user: string, faults: readonly string[]): string {
  const listed = faults.slice(0, MOST_FAULTS).map((fault) => `- ${fault}`);
  return [user, '바로 앞의 답은 받을 수 없었습니다. 아래를 고쳐 처음부터 다시 답해 주세요.', ...listed].join(
    '\n',
  );
}

const MOST_FAULTS = 10;
