const MOODS = [
  '느긋한',
  '포근한',
  '조용한',
  '다정한',
  '잔잔한',
  '말간',
  '씩씩한',
  '산뜻한',
  '고요한',
  '따스한',
];
const NAMES = ['수달', '고래', '참새', '다람쥐', '달팽이', '두루미', '해달', '고라니', '반딧불', '물총새'];

/** A friendly name for a guest: the same id has the same name. */
export function nicknameFor(userId: string): string {
  const number = Number.parseInt(userId.slice(-8), 16);
  return `${MOODS[number % MOODS.length]} ${NAMES[Math.floor(number / MOODS.length) % NAMES.length]}`;
}
