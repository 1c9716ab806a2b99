/* Rows of a table that open: by a double click, by their link, and by the arrow keys and Enter. */

function rowLinkAt(event) {
  if (event.target.closest?.('a, button, input, select, label') || !getSelection().isCollapsed) return null;
  return event.target.closest?.('cpse-root tr[data-cpse-row]')?.querySelector('a[data-cpse-row-link]');
}

// The second click would select a word; dragging still selects, for those who want to copy a number.
document.addEventListener('mousedown', (event) => event.detail > 1 && rowLinkAt(event) && event.preventDefault());
document.addEventListener('click', (event) => rowLinkAt(event)?.focus({ preventScroll: true }));
document.addEventListener('dblclick', (event) => rowLinkAt(event)?.click());
document.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches?.('cpse-root a[data-cpse-row-link]')) return;
  const links = [...event.target.closest('table').querySelectorAll('a[data-cpse-row-link]')];
  event.preventDefault();
  links[links.indexOf(event.target) + step]?.focus();
});
