import type { Topic } from './session-request.ts';

/**
 * Whether a text says that its writer may hurt themselves, and the help lines to show then.
 *
 * A curated lexicon and not a model: it answers at once, always the same, and also when everything else is down.
 * A false alarm shows help lines to somebody who does not need them; a miss may cost a life. In doubt it fires.
 */

export const CRISIS_SUPPORT = {
  message:
    '지금 많이 힘든 마음을 이야기해 주셨네요. 혼자 견디지 않으셔도 괜찮아요. 아래 번호로 전화하시면 지금 바로 이야기를 들어줄 사람이 있어요.',
  contacts: [
    { name: '자살예방상담전화', phone: '109', hours: '24시간' },
    { name: '정신건강위기상담전화', phone: '1577-0199', hours: '24시간' },
    { name: '한국생명의전화', phone: '1588-9191', hours: '24시간' },
    { name: '청소년상담전화', phone: '1388', hours: '24시간' },
    { name: '긴급 신고', phone: '119', hours: '24시간' },
  ],
};

/** Idioms that hold a word of the lexicon and say something else. They are taken out before the search. */
const IDIOMS = [
  /(배고파|배불러|웃겨|웃다가|졸려|심심해|귀여워|더워|추워|예뻐|좋아|궁금해|아파|힘들어|피곤해|바빠|보고싶어|짜증나|답답해)서?죽(겠|을|는줄|음|네|어)/g,
  /(쥐|풀|기|숨|코)(이|가)?죽(은|이|어|지|고|여)/g,
  /죽도록|죽어라(일|공부|노력|연습|뛰|하)|죽을맛|죽을힘|죽기살기|죽이되든|죽을(끓|먹|쑤)|(호박|전복|닭|흰|야채|팥)죽/g,
  /자살(골|예방|방지|유가족|률|사건|뉴스|보도|소식)/g,
  /유서(깊|있)/g,
];

/** Matched against the text as `normalise` leaves it: no white space, no marks, letters joined. */
const SIGNS = [
  // The word itself, with its masked and abbreviated spellings.
  /자살|자ㅅ살|자sal|ㅈㅅ(하|할|마려|각|충동|생각|시도)|극단적(인)?선택|극단적(인)?생각|스스로(목숨|생을)/,
  /자해|(손목|팔|팔목|허벅지)(을|를|에)?(또|다시)?(긋|그었|그어|그은|그을|칼)|(몸|나|스스로)(을|를)?(칼로|상처내)/,
  // Wanting to die, in the spellings of chats.
  /죽(고|구)(만|는)?(시프|시퍼|싶|싶|십|픈|파|프)|죽고시/,
  /죽(어버리|어야|으려|을까|을래|을거|을게|을생각|을방법|는게(낫|나을|더|편)|는방법|는법|는것밖|는수밖|었으면|어도(좋|괜찮|상관)|기로|을용기|고말)/,
  /(콱|확|그냥|차라리|이대로|조용히|편하게|편히|나만|내가|저만|제가)죽/,
  /(나|저)(는|도)?죽(을|고|어)/,
  // Not wanting to live.
  /(그만|이제그만)살(고싶|래|고파)/,
  /(그만|더는|더이상|더)(못)?살(고싶지|기싫|고십지|기가싫|수없|수가없|자신)/,
  /살(기|기가|기도|고)(너무|정말|진짜|이제|다)?(싫|싶지않|싶지가않|싶지도않|십지않)(?!은동네|은집)/,
  /살(아)?(갈|야할|아야할|아있을|있을|아있는|있는)?(이유|의미|가치|희망)(가|도|를|는)?(없|모르|하나도|못찾|사라)/,
  /(사는|살아가는|살아있는)(게|것이|건)(아무|전혀)?(의미|이유|가치)/,
  /(왜)?(계속)?(살아야|사는)(하)?(는지|하나)(모르|도모르|싶)|(삶|생|인생|목숨)(을|를|도)?(그만|끝내|끝낼|끝났|끊|버리|버릴|마감|포기|놓)/,
  /(?<!일을?|업무를?|과제를?|숙제를?|프로젝트를?|시험을?)(다|모두|전부|그냥|이제)(끝내|끝장내)(고싶|버리|버릴|야|려)/,
  // Wishing not to be there, or not to wake up.
  /(세상|여기|이세상)(에서|에)?(내가)?(사라지|사라져|없어지|없어져|떠나|떠날|없었으면)/,
  /(사라지|사라져|없어지|없어져|증발하)(고|버리|버릴|버렸)?(싶|고싶|으면|픈|었으면|면좋|면편)/,
  /(내가|나만|나|제가)(는)?(없는게|없어지는게|없어져야|없으면|사라지면|사라지는게).{0,6}(낫|나을|나아|좋|편|행복|괜찮)/,
  /나같은(건|거|것|놈은|사람은|애는|존재는).{0,4}(없어|사라|죽|필요없)/,
  /(태어나지|태어나질)(않았|말았|말걸)|안태어났/,
  /(깨어나|일어나|깨|눈을뜨|눈뜨|눈)(지|지를|을)?(않았으면|않으면|말았으면|못했으면|안떴으면|안뜨고싶|안깼으면|않고싶|싶지않)|영원히(잠들|자고싶|잘수)/,
  // Means and preparations.
  /(옥상|건물|다리|한강|베란다|창문|아파트|창밖|높은곳)(에서|으로|에|밖으로)?(그냥)?(뛰어|떨어|투신|몸을던)|뛰어내리|투신/,
  /번개탄|목(을|이라도)?(매|맬|매달)|유서(를|도|만)?(쓰|썼|적|남|준비|써)|유서$|신변정리/,
  /(약|수면제|진통제|알약)(을|를)?(한꺼번에|다|모두|많이|한움큼|잔뜩|털어)(먹고|삼키|털어|먹어|먹으|먹었|넣)|(약|수면제)(을|를)?모(아|으고)(두|놨|뒀|있)/,
  /(차|트럭|지하철|전철|기차)(에|로)(뛰어들|치이고싶|치였으면|치여)/,
  // English, as some write it.
  /suicid|killmyself|kms(?![a-z])|endmylife|wanttodie|wannadie|hurtmyself|selfharm|cutmyself|(dont|donot)wanttolive|betteroffdead/,
];

/** Whether its writer may hurt themselves: the help lines belong on every answer to it. */
export function isCrisis({ userContext }: Pick<Topic, 'userContext'>): boolean {
  return userContext !== null && mentionsSelfHarm(userContext);
}

export function mentionsSelfHarm(text: string): boolean {
  let normalised = normalise(text);
  for (const idiom of IDIOMS) normalised = normalised.replace(idiom, '|');
  return SIGNS.some((sign) => sign.test(normalised));
}

/** Undoes what hides a word: compatibility letters, zero-width characters, spaces and marks between syllables. */
function normalise(text: string): string {
  const plain = text
    .normalize('NFC')
    // Full-width and other compatibility forms; single letters stay, for NFKC would tear them from their syllables.
    .replace(/[^ㄱ-ㅣ]+/g, (part) => part.normalize('NFKC'))
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
  return joinLetters(plain);
}

const INITIALS = 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ';
const VOWELS = 'ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ';
const FINALS = ' ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ';

/** "ㅈㅏ살" → "자살": letters typed one by one are put together by the arithmetic of the Unicode Hangul block. */
function joinLetters(text: string): string {
  return text.replace(
    /([ㄱ-ㅎ])([ㅏ-ㅣ])(?:([ㄱ-ㅎ])(?![ㅏ-ㅣ]))?/g,
    (whole, initial: string, vowel: string, final: string | undefined) => {
      const first = INITIALS.indexOf(initial);
      const last = final === undefined ? 0 : FINALS.indexOf(final);
      if (first < 0 || last < 0) return whole;
      return String.fromCodePoint(0xac00 + (first * 21 + VOWELS.indexOf(vowel)) * 28 + last);
    },
  );
}
