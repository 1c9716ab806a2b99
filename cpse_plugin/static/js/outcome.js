/* A form was sent, and no answer came: the time was up, or the connection broke. What was to be done may have been done, so
   nothing invites to do it again, and the page asks how it stands until that is known. */

import { showAlert } from './messages.js';

const FIRST_PAUSE_SECONDS = 2;
const ASKED_FOR_SECONDS = 150;
const NOT_KNOWN = 'It is not known yet whether this was done';
const WAIT = 'This is being checked: please do not repeat it. This message changes as soon as it is known.';
const LOOK = 'The answer did not come. Please do not repeat it; open the page again to see how it is.';

const asked = new Set(); // the questions that are being asked

/* Say that nobody knows what became of a form, and find out where it can be asked for. */
export function followUp(ctx) {
  const question = ctx.sourceElement.querySelector?.('[data-cpse-outcome]')?.dataset.cpseOutcome;
  showAlert(NOT_KNOWN, question ? WAIT : LOOK, question ? null : wayOn(null));
  if (!question || asked.has(question)) return;
  asked.add(question);
  askIn(FIRST_PAUSE_SECONDS, question, ctx.cpseSentAt);
}

function askIn(pause, question, sentAt) {
  setTimeout(() => ask(pause, question, sentAt), pause * 1000);
}

async function ask(pause, question, sentAt) {
  const waited = Math.floor((performance.now() - sentAt) / 1000);
  const isLast = waited + 2 * pause > ASKED_FOR_SECONDS;
  const outcome = await fetchOutcome(question, waited);
  if (outcome && (outcome.is_known || isLast)) {
    asked.delete(question);
    showAlert(outcome.title, outcome.text, wayOn(outcome.address), outcome.is_done);
  } else if (isLast) {
    asked.delete(question);
    showAlert(NOT_KNOWN, LOOK, wayOn(null));
  } else {
    askIn(2 * pause, question, sentAt);
  }
}

function wayOn(address) {
  return address ? { text: 'Open the provider', address } : { text: 'Open the page again', address: window.location.href };
}

/* What the intranet knows, or null where it cannot be asked now either. */
async function fetchOutcome(question, waited) {
  const address = new URL(question, window.location.href);
  address.searchParams.set('waited', waited);
  try {
    // A page for signing in would be of no use here, so the request is one that is not led to it.
    const headers = { Accept: 'application/json', 'HX-Request': 'true' };
    const response = await fetch(address, { headers, cache: 'no-store' });
    const outcome = await response.json();
    return typeof outcome.is_known === 'boolean' ? outcome : null;
  } catch {
    return null;
  }
}
