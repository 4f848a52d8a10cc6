/** The tag tree. A user names what troubles them by a minor tag; the major ones only group them. */

interface MajorTag {
  readonly id: number;
  readonly name: string;
  readonly minors: readonly { readonly id: number; readonly name: string }[];
}

export const TAG_TREE: readonly MajorTag[] = [
  {
    id: 1,
    name: '진로/취업',
    minors: [
      { id: 2, name: '직장 내 번아웃' },
      { id: 3, name: '취업 불안/스트레스' },
      { id: 4, name: '이직/커리어 전환' },
    ],
  },
  {
    id: 5,
    name: '마음/건강',
    minors: [
      { id: 6, name: '우울감/무기력' },
      { id: 7, name: '건강염려증' },
      { id: 8, name: '수면장애' },
    ],
  },
  {
    id: 9,
    name: '인간관계',
    minors: [
      { id: 10, name: '사회적 고립감' },
      { id: 11, name: '세대 갈등' },
      { id: 12, name: '관계 스트레스' },
    ],
  },
];

export const MINOR_TAG_IDS: readonly number[] = TAG_TREE.flatMap((major) => major.minors.map(({ id }) => id));

/**
 * What the frontend sends as `user_context` for a user who wrote nothing, and the tag that its label means.
 * The frontend pairs some labels with another tag's id; the label is what the user saw and chose.
 */
export const FRONTEND_LABELS: ReadonlyMap<string, number> = new Map([
  ['진로/취업 - 취업이 계속 안돼요', 3],
  ['진로/취업 - 회사에서 번아웃이 왔어요', 2],
  ['진로/취업 - 이직/커리어 전환이 걱정이에요', 4],
  ['마음/건강 - 불안/우울이 커졌어요', 6],
  ['마음/건강 - 잠을 잘 못 자요', 8],
  // None of the three tags is stress itself; low mood and exhaustion is nearer than health worries or sleep.
  ['마음/건강 - 스트레스가 심해요', 6],
  ['인간관계 - 관계가 자꾸 틀어져요', 12],
  ['인간관계 - 소통이 어려워요', 11],
  ['인간관계 - 혼자인 느낌이 강해요', 10],
]);
