/* The plugin's script. It is a module, so it runs once on a page however often a host brings it in, and leaves no names
   behind. Its listeners are on the document, so that pieces of a page which arrive later need no set-up, and look at
   nothing outside of a <cpse-root>. Words that people read stand in the templates, except those for a broken connection. */

import { followAddress } from './address.js';
import { openDialog, returnFromClosedDialog } from './dialogs.js';
import { htmx } from './engine.js';
import { focus, isFocusLost, revealAlert, showAlert } from './messages.js';
import { checkWaitingNpis, endQuestion, isStillAsked, tryBusyAgain } from './npi.js';
import { followUp } from './outcome.js';
import './rows.js';
import { watchSession } from './session.js';

const UNREACHABLE = 'The intranet could not be reached. Nothing was lost; try again.';
const NOT_UNDERSTOOD = 'The intranet answered with something that does not belong here. Load the page again.';

const busy = new WeakMap(); // element -> the latest request under way for it

/* Listen to what becomes of a request that an element of ours has made; it may be gone from the page by then. */
function onRequest(name, listener) {
  document.addEventListener(name, (event) => event.detail?.ctx?.cpseRoot && listener(event));
}

document.addEventListener('htmx:before:request', ({ detail: { ctx } }) => {
  ctx.cpseRoot = ctx.sourceElement?.closest('cpse-root');
  if (!ctx.cpseRoot) return;
  if (!ctx.cpseQuestion) showAlert('');
  busy.set(ctx.target, ctx);
  ctx.target.setAttribute('aria-busy', 'true');
  ctx.cpseSentAt = performance.now();
  ctx.cpseTarget = ctx.target; // an answer can name another target
  ctx.cpseAddress = ctx.sourceElement.getAttribute('data-cpse-address'); // and take the element away
});

onRequest('htmx:before:swap', (event) => {
  const { ctx, tasks } = event.detail;
  const isForeign = isAnsweredByAnother(ctx);
  if (isForeign || (ctx.cpseQuestion && !isStillAsked(ctx))) event.preventDefault();
  if (isForeign && !ctx.cpseQuestion) showMissing(ctx, NOT_UNDERSTOOD);
  ctx.cpseTasks = tasks;
  ctx.cpseFocused = isFocusLost() ? null : document.activeElement;
});

onRequest('htmx:after:swap', ({ detail: { ctx } }) => {
  followAddress(ctx);
  openDialog(ctx);
  returnFromClosedDialog();
  if (ctx.cpseTasks.some(({ target }) => target?.id === 'cpse-alert')) revealAlert();
  if (ctx.cpseFocused && isFocusLost()) {
    const region = ctx.cpseTasks[0]?.target; // htmx puts the new element here when it replaces the target
    const inRegion = ['[data-cpse-focus]', 'h1, h2, h3'].map((selector) => region?.querySelector?.(selector));
    focus([document.getElementById(ctx.cpseFocused.id), ...inRegion].find(Boolean));
  }
  if (ctx.cpseQuestion) tryBusyAgain(ctx.target, ctx.cpseQuestion);
  checkWaitingNpis();
  watchSession();
});

onRequest('htmx:finally:request', ({ detail: { ctx } }) => {
  if (busy.get(ctx.cpseTarget) === ctx) ctx.cpseTarget.removeAttribute('aria-busy');
  if (ctx.cpseQuestion) endQuestion(ctx);
});

onRequest('htmx:error', ({ detail: { ctx } }) => {
  // The text is there once the answer has come as a whole; it can break off in the middle.
  if (ctx.text === undefined && !ctx.cpseQuestion) showMissing(ctx, UNREACHABLE);
});

/* Whether an answer is no piece of ours: a proxy's error, or somebody's page for signing in. Ours name htmx's header. */
function isAnsweredByAnother({ response, select, text }) {
  const isOurs = /\bhx-request\b/i.test(response.headers.get('Vary') ?? '');
  const isPage = !select && /^\s*<(!doctype|html)/i.test(text);
  return isPage || (!isOurs && response.status >= 400);
}

/* The answer is missing: what was only asked for can be asked for again, and of what was to be done nobody knows. */
function showMissing(ctx, words) {
  if (ctx.request.method === 'GET') showAlert(words);
  else followUp(ctx);
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== 'post' || !form.closest('cpse-root')) return;
  if (form.hasAttribute('data-cpse-submitting')) event.preventDefault();
  form.setAttribute('data-cpse-submitting', '');
});

window.addEventListener('pageshow', () => {
  // Going back can bring a page as it was left, with its form marked.
  for (const form of document.querySelectorAll('[data-cpse-submitting]')) form.removeAttribute('data-cpse-submitting');
  checkWaitingNpis();
});

/* The root of what is the plugin's on a page, whether it came with the page or was put there later. */
class CpseRoot extends HTMLElement {
  connectedCallback() {
    if (htmx) htmx.process(this);
    else this.#giveWay();
    checkWaitingNpis();
    watchSession();
  }

  /* Without htmx, a page that waits for a piece gives way to the one that has it. */
  #giveWay() {
    const waiting = this.querySelector('[hx-trigger="load"]');
    if (waiting && !this.matches('.cpse-embed')) window.location.replace(waiting.getAttribute('hx-get'));
  }
}

// After an upgrade a host's page that changes without a load may bring a second version of this script; the first stays.
if (!customElements.get('cpse-root')) customElements.define('cpse-root', CpseRoot);
