const KEY = 'profiler-theme';
const root = document.documentElement;

/** The system's, unless somebody has chosen here. */
export function applyTheme() {
  const chosen = localStorage.getItem(KEY);
  if (chosen) root.dataset.theme = chosen;
}

export function isDark() {
  return root.dataset.theme
    ? root.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
}

export function switchTheme() {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  localStorage.setItem(KEY, root.dataset.theme);
}
