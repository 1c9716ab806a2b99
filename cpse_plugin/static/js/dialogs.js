/* Dialogs that are swapped into #cpse-dialog: they open over the page, and the focus returns to what opened them. */

import { openInSight } from './frame.js';
import { focus } from './messages.js';

let opener = null; // what opened the dialog

/* Open the dialog that an answer has brought, if it has. */
export function openDialog(ctx) {
  const dialog = document.querySelector('#cpse-dialog dialog[data-cpse-modal]:not([open])');
  const element = ctx.request?.submitter ?? ctx.sourceElement;
  // A dialog that replaces another one keeps the first one's opener.
  if (dialog && !element.closest('#cpse-dialog')) opener = element;
  if (dialog) openInSight(dialog);
}

/* Give the focus back where an answer has taken the dialog away. */
export function returnFromClosedDialog() {
  if (opener && !document.getElementById('cpse-dialog')?.firstElementChild) returnFromDialog();
}

function returnFromDialog() {
  // The opener may have been drawn anew meanwhile.
  focus(opener?.isConnected ? opener : document.getElementById(opener?.id));
  opener = null;
}

document.addEventListener('click', (event) => {
  const dialog = event.target.closest?.('cpse-root [data-cpse-close]')?.closest('dialog');
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
});
// `close` does not bubble, so it is caught on the way down.
document.addEventListener('close', (event) => {
  if (!event.target.matches?.('#cpse-dialog > dialog')) return;
  event.target.remove();
  returnFromDialog();
}, true);
