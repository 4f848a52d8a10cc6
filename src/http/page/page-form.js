import { t } from './page-texts.js';
import { majorTagView, setText } from './page-view.js';

/** Code points, as the API counts. `maxlength` counts UTF-16 units: an emoji would be two. */
const TEXT_LIMIT = 500;

const $ = (id) => document.getElementById(id);

/** What is filled in, or undefined after the first field to correct has the focus. */
export function readForm() {
  const form = new FormData($('form'));
  const tagId = Number(form.get('tag'));
  const text = $('text').value.trim();
  setText($('tag-error'), tagId ? '' : t('tagMissing'));
  if (!tagId) document.querySelector('input[name=tag]')?.focus();
  else if (!checkText()) $('text').focus();
  else return { tagId, text, delivery: form.get('delivery') };
}

/** Anew in another language, too; what is chosen and written stays. */
export function renderForm(tags) {
  const chosen = Number(new FormData($('form')).get('tag'));
  for (const old of $('tags').querySelectorAll('.major')) old.remove();
  $('tags').append(...tags.map((major) => majorTagView(major, chosen)));
  $('tags-loading').hidden = tags.length > 0;
  if ($('tag-error').textContent) setText($('tag-error'), t('tagMissing'));
  checkText();
}

/** Shows how much is written, and whether it is too much. */
function checkText() {
  const count = [...$('text').value.trim()].length;
  const over = count - TEXT_LIMIT;
  $('counter').textContent = t('counter', { count, limit: TEXT_LIMIT });
  $('counter').classList.toggle('over', over > 0);
  $('text').setAttribute('aria-invalid', String(over > 0));
  setText($('text-error'), over > 0 ? t('textTooLong', { over, limit: TEXT_LIMIT }) : '');
  return over <= 0;
}

$('text').addEventListener('input', checkText);
$('tags').addEventListener('change', () => setText($('tag-error'), ''));
