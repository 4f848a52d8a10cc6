import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { chromiumPath } from './tools.ts';

/** A real Chromium that calls nobody by itself. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors on the console, uncaught errors, and requests to another origin. */
  readonly problems: string[];
  /** Everything that might be kept by somebody on the way: addresses asked for, and lines on the console. */
  readonly traces: string[];
}

/** A visitor of their own: no cookies, nothing stored; without animations, which a test would wait for. */
export async function visit(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const { origin: url } = new URL(address);
  const context = await browser.newContext({ locale: 'ko-KR', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  const traces: string[] = [];
  page.on('console', (message) => {
    traces.push(message.text());
    // The browser itself notes the 401 by which the page learns that nobody is logged in.
    const expected = message.location().url === `${url}/auth/me`;
    if (message.type() === 'error' && !expected) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    traces.push(request.url());
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && origin !== url) problems.push(`request to ${origin}`);
  });
  await page.goto(address);
  return { page, problems, traces, [Symbol.asyncDispose]: () => context.close() };
}

/** A network between the browser and the service whose connections can be cut, as a phone's are. */
export async function startCuttableNetwork(serviceUrl: string) {
  const target = new URL(serviceUrl);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
    },
  };
}

/** Texts in sight whose contrast is below AA of WCAG 2.2 (1.4.3): 4.5, or 3 where they are large. */
export const FAINT_TEXTS = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).map((value) => linear(value / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const isClear = (colour) => channels(colour)[3] === 0;
  const ground = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return isClear(colour) ? ground(element.parentElement) : colour;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest(':disabled')) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const [light, dark] = [luminance(color), luminance(ground(element))].sort((a, b) => b - a);
    const isLarge = parseFloat(fontSize) >= (Number(fontWeight) >= 700 ? 18.66 : 24);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < (isLarge ? 3 : 4.5)) faint.push([element.className, contrast.toFixed(2)].join(' '));
  }
  return faint;
})()`;
