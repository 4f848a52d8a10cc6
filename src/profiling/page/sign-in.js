/** The form works without this; it adds the language, and keeps the view that was asked for. */

const KOREAN = {
  title: '프로파일러',
  label: '토큰',
  send: '로그인',
  wrong: '토큰이 맞지 않습니다.',
  limited: '틀린 토큰이 너무 많았습니다. 1분 뒤에 다시 시도하세요.',
};

const theme = localStorage.getItem('profiler-theme');
if (theme) document.documentElement.dataset.theme = theme;

const form = /** @type {HTMLFormElement} */ (document.getElementById('form'));
const problem = /** @type {HTMLElement} */ (document.getElementById('problem'));

if ((localStorage.getItem('profiler-language') ?? navigator.language).startsWith('ko')) {
  document.documentElement.lang = 'ko';
  document.title = KOREAN.title;
  for (const [selector, text] of [
    ['h1', KOREAN.title],
    ['label', `${KOREAN.label} PROFILER_TOKEN`],
    ['button', KOREAN.send],
  ]) {
    const element = document.querySelector(String(selector));
    if (element) element.textContent = String(text);
  }
  const { problem: kind } = problem.dataset;
  if (kind === 'wrong' || kind === 'limited') problem.textContent = KOREAN[kind];
}

// The redirect after the sign-in takes over what stands behind the `#`.
form.action += location.hash;

// A link from another site comes without the cookie (SameSite=Strict). From here it is sent: was it there all along?
const response = await fetch('/profiler/api/links');
if (response.ok) location.reload();
