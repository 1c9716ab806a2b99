/* Says before the end of a session that it is near, and lets the person stay. How long it lasts the server knows: a look-up
   or another tab can have made it longer, so it is asked before anything is said. */

const WARNING_SECONDS = 120;
const AGAIN_SECONDS = 30; // after a question that found no answer
const UNREACHABLE = 'The intranet could not be reached. Try again.';

let soon = null; // the two dialogs of the page
let over = null;
let timer = 0;

const trouble = (text) => { soon.querySelector('[data-cpse-session-trouble]').textContent = text; };
const open = (dialog) => dialog.open || dialog.showModal();
// A host can exchange its page's content without a load.
const isWatched = () => soon?.isConnected && over.isConnected;

/* Begin with the dialogs that have come with the page or with a piece of it. */
export function watchSession() {
  if (isWatched()) return;
  soon = document.querySelector('cpse-root #cpse-session-soon');
  over = document.querySelector('cpse-root #cpse-session-over');
  if (!isWatched()) return;
  soon.querySelector('form').addEventListener('submit', stay);
  for (const dialog of [soon, over]) {
    dialog.querySelector('[data-cpse-session-close]').addEventListener('click', () => dialog.close());
  }
  over.querySelector('[data-cpse-sign-in]')?.addEventListener('click', comeBackHere);
  askIn(Math.max(0, Number(soon.dataset.cpseSeconds) - WARNING_SECONDS));
}

function askIn(seconds) {
  clearTimeout(timer);
  timer = setTimeout(ask, seconds * 1000);
}

function show({ seconds, can_stay: canStay }) {
  trouble('');
  if (seconds > 0) over.close();
  if (seconds > WARNING_SECONDS) {
    soon.close();
    askIn(seconds - WARNING_SECONDS);
  } else if (seconds > 0) {
    for (const part of soon.querySelectorAll('[data-cpse-if]')) {
      part.hidden = (part.dataset.cpseIf === 'can-stay') !== canStay;
    }
    open(soon);
    askIn(seconds + 1);
  } else {
    clearTimeout(timer);
    soon.close();
    open(over);
  }
}

async function fetchState(address, options) {
  const response = await fetch(address, { headers: { Accept: 'application/json' }, cache: 'no-store', ...options });
  const state = await response.json();
  if (typeof state.seconds !== 'number') throw new TypeError('no answer about the session');
  return state;
}

async function ask() {
  if (!isWatched()) return;
  try {
    show(await fetchState(soon.dataset.cpseAsk));
  } catch {
    askIn(AGAIN_SECONDS);
  }
}

async function stay(event) {
  event.preventDefault();
  const form = event.currentTarget;
  try {
    show(await fetchState(form.action, { method: 'POST', body: new FormData(form) }));
  } catch {
    trouble(UNREACHABLE);
  }
}

function comeBackHere(event) {
  const here = window.location.pathname + window.location.search;
  event.currentTarget.search = `?next=${encodeURIComponent(here)}`;
}

// A computer that slept, or a page that is shown again, has missed its time.
document.addEventListener('visibilitychange', () => document.hidden || over?.open || ask());
window.addEventListener('pageshow', (event) => event.persisted && ask());
