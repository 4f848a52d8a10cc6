export interface Addresses {
  /** Undefined in a process that only executes sessions. */
  readonly apiPort: number | undefined;
  readonly opsHost: string;
  readonly opsPort: number;
  /** Undefined where it is not to be found. */
  readonly profiler: string | undefined;
}

/** What `npm start` prints once the service is ready: where it is, and a session to try. */
export function welcome({ apiPort, opsHost, opsPort, profiler }: Addresses): string {
  const ops = `http://${opsHost}:${opsPort}`;
  const profilerLine = profiler === undefined ? '' : `  Profiler ${profiler}\n`;
  const opsLines = `${profilerLine}  Metrics  ${ops}/metrics\n  Ready?   ${ops}/readyz\n`;
  if (apiPort === undefined) return `\nMeari is ready.\n${opsLines}\n`;
  const api = `http://localhost:${apiPort}`;
  return `
Meari is ready.
  Try it   ${api}
  API      ${api}/docs
${opsLines}
Or by hand:
  curl -s -c /tmp/meari-cookie -X POST ${api}/auth/guest
  curl -s -b /tmp/meari-cookie -H 'Content-Type: application/json' \\
    -d '{"selected_tag_id": 2, "user_context": "매일 야근하고 집에 오면 아무것도 못 하겠어요"}' \\
    ${api}/api/v1/meari/sessions

`;
}
