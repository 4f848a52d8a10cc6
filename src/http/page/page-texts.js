/** What the page says. What the API says stays Korean. `{name}` is filled in. */

const ko = {
  pageTitle: '메아리 — 지친 마음에 돌아오는 말',
  tagMissing: '하나를 골라 주세요.',
  counter: '{count} / {limit}자',
  textTooLong: '{over}자만 줄여 주세요. {limit}자까지 보낼 수 있어요.',
  welcomeTitle: '이런 답이 돌아와요',
  resultTitle: '돌아온 메아리',
  openedTitle: '{time}의 메아리',
  waitHint: '화면을 그대로 두고 천천히 숨을 골라 보세요.',
  elapsed: '{time} 지남',
  estimate: '약 {time} 남았어요',
  overdue: '조금 더 걸리고 있어요. 계속 만들고 있으니 기다려 주세요.',
  receipt: '접수 번호',
  characteristics: '이런 분 같아요',
  needs: '지금 필요해 보이는 것',
  growth: '다음 걸음',
  insights: '한눈에 정리',
  problem: '지금의 어려움',
  causes: '얽혀 있는 이유',
  solutions: '해 볼 만한 것',
  supporters: '힘이 되어 줄 곁',
  peers: '먼저 지나온 목소리',
  degraded: '일부는 미리 준비된 글로 채웠어요.',
  crisisTitle: '지금, 이야기할 수 있는 곳이 있어요',
  call: '{name} {phone}번으로 전화하기',
  steps: '만들어진 과정',
  step_context: '상황 살피기',
  step_sources: '자료 모으기',
  step_persona: '페르소나',
  step_empathy: '공감 카드',
  step_reflection: '성찰 카드',
  step_save: '저장',
  pending: '기다리는 중',
  running: '하는 중',
  completed: '마침',
  errorTitle: '잠시 멈췄어요',
  errorUnknown: '문제가 생겼어요. 잠시 후 다시 시도해주세요.',
  errorNetwork: '서버에 닿지 않아요. 연결을 확인하고 다시 시도해주세요.',
  errorOffline: '인터넷 연결이 끊겼어요. 연결되면 다시 시도해주세요.',
  retry: '다시 시도',
  retryIn: '다시 시도 ({time} 후)',
  forDevelopers: '개발자용 정보',
  open: '열기: {title}, {time}',
  delete: '삭제',
  deleteLabel: '삭제: {title}, {time}',
  deleteConfirm: '정말 지울까요? 되돌릴 수 없어요.',
  deleteYes: '지우기',
  deleteNo: '두기',
  announceStarted: '보냈어요. 답을 만들고 있어요.',
  announcePart: '{name} 도착',
  announceDone: '모두 도착했어요. {time} 걸렸어요.',
  announceCancelled: '그만두었고, 보낸 내용은 지웠어요.',
  announceDeleted: '지웠어요.',
};

const en = {
  pageTitle: 'Meari — words that come back',
  brand: 'Meari',
  otherLanguage: '한국어',
  heading: 'Leave what weighs on you here. Meari answers.',
  lead: 'Choose what troubles you. Write more only if you want to. Answers are in Korean.',
  formTitle: 'How it is today',
  tagLegend: 'What weighs on you?',
  tagMissing: 'Please choose one.',
  tagsLoading: 'Loading…',
  textLabel: 'Tell a little more',
  optional: 'optional',
  textHint: 'No names or contacts needed. You do not have to write everything.',
  textPlaceholder: 'e.g. I work late every day and can do nothing when I get home',
  counter: '{count} / {limit} characters',
  textTooLong: '{over} too many. At most {limit} characters can be sent.',
  deliveryLegend: 'How should it arrive?',
  stream: 'As it comes',
  streamHint: 'Each part is shown as soon as it is ready.',
  sync: 'All at once',
  syncHint: 'Everything is shown when all of it is ready.',
  background: 'In the background',
  backgroundHint: 'You get a receipt, and see how far it is.',
  send: 'Send',
  cancel: 'Stop',
  welcomeTitle: 'What comes back',
  welcomePersona: 'How Meari understands you',
  welcomeEmpathy: 'Three cards with voices of people on a similar path',
  welcomeReflection: 'Three cards that sort things out and look for a next step',
  resultTitle: 'Your echo',
  openedTitle: 'Echo of {time}',
  waiting: 'Reading what you wrote',
  waitHint: 'Leave this open, and take a slow breath.',
  elapsed: '{time} so far',
  estimate: 'about {time} left',
  overdue: 'Still working. It takes a little longer, thank you for waiting.',
  receipt: 'Receipt',
  persona: 'Persona',
  characteristics: 'You seem to be',
  needs: 'What you may need now',
  growth: 'Next step',
  empathy: 'Empathy cards',
  reflection: 'Reflection cards',
  insights: 'At a glance',
  problem: 'What is hard now',
  causes: 'What plays into it',
  solutions: 'What you could try',
  supporters: 'Who could be at your side',
  peers: 'Voices from further along',
  degraded: 'Some parts are prepared texts.',
  crisisTitle: 'There is somebody to talk to, right now',
  call: 'Call {name}, {phone}',
  steps: 'How it was made',
  step_context: 'Situation',
  step_sources: 'Material',
  step_persona: 'Persona',
  step_empathy: 'Empathy cards',
  step_reflection: 'Reflection cards',
  step_save: 'Saved',
  pending: 'waiting',
  running: 'working',
  completed: 'done',
  errorTitle: 'It has stopped for now',
  errorUnknown: 'Something went wrong. Please try again in a moment.',
  errorNetwork: 'The server cannot be reached. Check the connection and try again.',
  errorOffline: 'You are offline. Try again once you are connected.',
  retry: 'Try again',
  retryIn: 'Try again (in {time})',
  forDevelopers: 'For developers',
  history: 'Earlier ones',
  historyEmpty: 'None yet. What you send is kept here.',
  open: 'Open: {title}, {time}',
  delete: 'Delete',
  deleteLabel: 'Delete: {title}, {time}',
  deleteConfirm: 'Really delete it? This cannot be undone.',
  deleteYes: 'Delete it',
  deleteNo: 'Keep it',
  more: 'More',
  footerHelp: 'When it is too much to bear alone, Korea’s suicide prevention line listens day and night.',
  footerDocs: 'API reference',
  announceStarted: 'Sent. The answer is being made.',
  announcePart: '{name} arrived',
  announceDone: 'All of it is here. It took {time}.',
  announceCancelled: 'Stopped, and what you sent is deleted.',
  announceDeleted: 'Deleted.',
};

// The Korean of what index.html says itself is written there, under the same names.
for (const { dataset, textContent, placeholder } of document.querySelectorAll(
  '[data-text], [data-placeholder]',
)) {
  ko[dataset.text ?? dataset.placeholder] = dataset.text ? textContent : placeholder;
}

const texts = { ko, en };
const STORED = 'meari.language';

let language = 'ko';
try {
  if (localStorage.getItem(STORED) === 'en') language = 'en';
} catch {
  // Storage may be closed to the page: the choice then lasts as long as the page.
}

export function currentLanguage() {
  return language;
}

export function switchLanguage() {
  language = language === 'ko' ? 'en' : 'ko';
  try {
    localStorage.setItem(STORED, language);
  } catch {}
}

export function t(key, values = {}) {
  return texts[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function hasText(key) {
  return key in texts[language];
}

export function seconds(value) {
  return new Intl.NumberFormat(language, { style: 'unit', unit: 'second', maximumFractionDigits: 1 }).format(
    value,
  );
}

export function duration(ms) {
  if (ms >= 1000) return seconds(ms / 1000);
  const options = { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 };
  return new Intl.NumberFormat(language, options).format(ms);
}

export function dateAndTime(iso) {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
}
