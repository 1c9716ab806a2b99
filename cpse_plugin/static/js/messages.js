/* What the page says to a person, and where the focus goes: it is never lost. */

import { placeInSight } from './frame.js';

const TOAST_SECONDS = 10;

export const isFocusLost = () => !document.activeElement || document.activeElement === document.body;

/* Focus an element; without one, the heading of the plugin's part of the page. */
export function focus(element) {
  const target = element ?? document.querySelector('cpse-root [data-cpse-focus-fallback]') ?? document.querySelector('cpse-root :is(h1, .cpse-title)');
  target?.focus();
  if (!target || document.activeElement === target) return;
  target.setAttribute('tabindex', '-1');
  target.focus();
}

/* Show what went wrong where it is seen and read out, with a link where there is a way on; an empty title takes it away. */
export function showAlert(title, text = '', link = null, isGood = false) {
  const region = placeForAlerts();
  if (!region) return;
  region.toggleAttribute('data-cpse-good', isGood);
  region.textContent = text ? '' : title;
  if (text) region.append(paragraph(title, 'cpse-notice-title'), paragraph(text));
  if (link) {
    const way = paragraph('');
    way.append(Object.assign(document.createElement('a'), { href: link.address, textContent: link.text }));
    region.append(way);
  }
  if (title) region.scrollIntoView({ block: 'nearest' });
}

function paragraph(text, name = '') {
  const made = document.createElement('p');
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

/* Bring what the server has put into the page's place for alerts to where it is seen. */
export function revealAlert() {
  const brought = document.getElementById('cpse-alert');
  const region = placeForAlerts();
  if (!brought?.hasChildNodes() || !region) return;
  region.removeAttribute('data-cpse-good');
  if (region !== brought) region.replaceChildren(...brought.childNodes);
  region.scrollIntoView({ block: 'nearest' });
}

/* Everything behind a modal dialog is inert and is not read out, so its alerts have to stand inside. */
function placeForAlerts() {
  const dialog = document.querySelector('#cpse-dialog dialog[open]');
  if (!dialog) return document.getElementById('cpse-alert');
  let region = dialog.querySelector('.cpse-alert-inside');
  if (!region) {
    region = document.createElement('div');
    region.className = 'cpse-alert-inside';
    region.setAttribute('role', 'alert');
    dialog.querySelector('h2')?.after(region);
  }
  return region;
}

/* Say a sentence about what was done. */
export function showToast(text) {
  const line = document.createElement('p');
  line.className = 'cpse-toast';
  line.textContent = text;
  const region = document.getElementById('cpse-status');
  if (!region) return;
  region.replaceChildren(line);
  placeInSight(region);
  // Who holds the pointer on it is still reading.
  const leave = () => (line.matches(':hover') ? setTimeout(leave, 1000) : line.remove());
  setTimeout(leave, TOAST_SECONDS * 1000);
}

// What is done next makes the last message old.
document.addEventListener('click', () => document.getElementById('cpse-status')?.replaceChildren(), true);
document.addEventListener('cpse:toast', (event) => showToast(String(event.detail.text ?? '')));
