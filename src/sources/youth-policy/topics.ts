/**
 * What of the API's own middle categories and keywords may help with which minor tag. What is not here helps with none:
 * a scholarship is real, and no answer to somebody who cannot sleep.
 */
const TOPICS: readonly {
  readonly category?: string;
  readonly keyword?: string;
  readonly tagIds: readonly number[];
}[] = [
  { category: '재직자', tagIds: [2, 4] },
  { category: '취업', tagIds: [3, 4] },
  { category: '미래역량강화', tagIds: [3, 4] },
  { category: '창업', tagIds: [4] },
  { category: '온라인교육', tagIds: [4] },
  { keyword: '장기미취업청년', tagIds: [3] },
  { keyword: '인턴', tagIds: [3] },
  // Health alone is anything from vaccinations on; with counselling, it is what a low mood or a bad night needs.
  { category: '건강', tagIds: [7] },
  { category: '건강', keyword: '맞춤형상담서비스', tagIds: [6, 8] },
  { category: '취약계층 및 금융지원', keyword: '맞춤형상담서비스', tagIds: [10] },
  { category: '문화활동', tagIds: [10] },
  // To live apart is what many conflicts with parents are about, as in the seeded corpus.
  { category: '주택 및 거주지', tagIds: [11] },
  { category: '전월세 및 주거급여 지원', tagIds: [11] },
  { category: '기숙사', tagIds: [11] },
  { category: '권익보호', tagIds: [2, 12] },
];

/** In ascending order, each once. */
export function tagsOf({ mclsfNm, plcyKywdNm }: { mclsfNm: string; plcyKywdNm: string }): number[] {
  const categories = listed(mclsfNm);
  const keywords = listed(plcyKywdNm);
  const found = TOPICS.filter(
    ({ category, keyword }) =>
      (category === undefined || categories.has(plain(category))) &&
      (keyword === undefined || keywords.has(keyword)),
  );
  return [...new Set(found.flatMap(({ tagIds }) => tagIds))].sort((a, b) => a - b);
}

function listed(names: string): ReadonlySet<string> {
  return new Set(names.split(',').map(plain));
}

/** The API's own spelling of a name differs in spaces. */
function plain(name: string): string {
  return name.normalize('NFC').replace(/\s+/g, '');
}
