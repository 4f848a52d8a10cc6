/** For the three empathy cards together. */
export const EMPATHY_TITLE = [
  [
    '{keyword} 곁에 놓는 세 가지 마음',
    '{keyword:을/를} 혼자 두지 않으려고',
    '{keyword:이/가} 머무는 동안 건네는 말',
    '메아리가 {keyword}에게 보내는 답',
    '{keyword:을/를} 지나는 당신에게',
    '오늘의 {keyword:을/를} 함께 읽어요',
    '{keyword} 너머에서 들려온 목소리',
    '{keyword:과/와} 나란히 앉아',
    '그 {keyword:을/를} 알아듣는 목소리들',
    '조용히 건네는, {keyword:을/를} 위한 말',
    '{keyword} 앞에서 멈춘 당신에게',
    '{keyword:을/를} 함께 들어 줄 목소리들',
  ],
];
