/* The name that belongs to an NPI, as it is typed: asked at the tenth digit, without waiting. */

import { htmx } from './engine.js';
import { focus } from './messages.js';

const PAUSES = [2, 5]; // seconds before a look-up that was busy is tried again by itself, the first time and the second

const asked = new WeakMap(); // region -> the question that it waits for
const busy = new WeakMap(); // region -> the question that was answered with "busy" and may be asked again

const FIELD = 'cpse-root input[data-cpse-npi]';
const npiFields = () => [...document.querySelectorAll(FIELD)];
const regionOf = (field) => document.getElementById(field.dataset.region);
const fieldOf = (region) => npiFields().find((field) => regionOf(field) === region);
const GROUPED = /^\d+(?:(?: ?[\p{Pd}\u2212] ?| )\d+)*(?: ?[\p{Pd}\u2212])?$/u;

const typeOf = (field) => document.getElementById(field.dataset.typeField)?.value ?? field.dataset.type ?? '';
const wordsOf = (field) => `${digitsOf(field)}/${typeOf(field)}`;

/* The digits of an NPI as people group them, or the text where it is written in another way: the server has the whole rule
   (domain/identifiers.py), and the tests hold the two to one table. */
function digitsOf(field) {
  const text = field.value.replace(/[\p{DI}\p{Cc}]/gu, '').replace(/\s+/g, ' ').trim();
  return GROUPED.test(text) ? text.replace(/\D/g, '') : text;
}

function isShown(region, words) {
  const answer = region.querySelector('[data-npi]');
  return answer !== null && `${answer.dataset.npi}/${answer.dataset.type ?? ''}` === words;
}

// Luhn over 80840 and the ten digits; the five in front add 24.
const luhn = (npi) =>
  [...npi].reduce((sum, digit, place) => sum + (place % 2 ? Number(digit) : digit * 2 - (digit > 4 ? 9 : 0)), 24);

// The name of the sentence that says what is wrong; '' for an empty field, null for a valid NPI.
function faultOf(digits) {
  if (!digits) return '';
  if (/\D/.test(digits)) return 'not-digits';
  if (!/^[12]/.test(digits)) return 'first-digit';
  if (digits.length === 9) return 'one-missing';
  if (digits.length < 10) return 'too-short';
  if (digits.length > 10) return 'too-long';
  return luhn(digits) % 10 ? 'check-digit' : null;
}

function addressOf(field) {
  const address = new URL(field.dataset.lookupUrl.replace('0000000000', encodeURIComponent(digitsOf(field))), window.location.href);
  if (typeOf(field)) address.searchParams.set('type', typeOf(field));
  return address.pathname + address.search;
}

function checkNpi(field, again = false, tries = 0) {
  const region = regionOf(field);
  const digits = digitsOf(field);
  const fault = faultOf(digits);
  const words = wordsOf(field);
  if (!region || (fault === null && !again && (asked.get(region)?.words === words || isShown(region, words)))) return;

  asked.delete(region);
  busy.delete(region);
  htmx?.trigger(region, 'htmx:abort');
  if (fault !== null) {
    const say = fault && field.getAttribute(`data-say-${fault}`);
    region.textContent = say.replace('{n}', digits.length).replace('{missing}', 10 - digits.length);
    region.toggleAttribute('data-fault', !['', 'one-missing', 'too-short'].includes(fault));
    // What a spreadsheet or a label made of the digits the server can tell, and offer what was meant.
    if (fault !== 'not-digits' || !/\p{N}/u.test(digits) || !htmx) return;
  } else if (!htmx) {
    region.textContent = field.dataset.saySilence;
    return;
  }
  const question = { words, tries };
  asked.set(region, question);
  if (fault === null) {
    region.removeAttribute('data-fault');
    region.textContent = field.dataset.sayAsking;
  }
  htmx.ajax('GET', addressOf(field), { source: region, target: region, swap: 'innerHTML', cpseQuestion: question });
}

/* Whether an answer still belongs to what stands in the field: an older one never overwrites a newer one. */
export function isStillAsked({ target, cpseQuestion }) {
  const field = fieldOf(target);
  return field !== undefined && asked.get(target) === cpseQuestion && wordsOf(field) === cpseQuestion.words;
}

/* Try again what was busy, unless something else stands in the field by then. */
export function tryBusyAgain(region, question) {
  const place = region.querySelector('[data-cpse-npi-busy]');
  const field = fieldOf(region);
  if (!place || !field || !htmx) return;
  busy.set(region, question);
  const pause = PAUSES[question.tries];
  if (pause === undefined) return;
  place.textContent = field.dataset.sayAgain.replace('{n}', pause);
  setTimeout(() => {
    const isSame = busy.get(region) === question && fieldOf(region) === field && wordsOf(field) === question.words;
    if (isSame) checkNpi(field, true, question.tries + 1);
  }, pause * 1000);
}

/* Take away that it is being asked, where no answer came. */
export function endQuestion({ target, cpseQuestion }) {
  if (asked.get(target) !== cpseQuestion) return;
  asked.delete(target);
  const field = fieldOf(target);
  if (field && target.textContent === field.dataset.sayAsking) target.textContent = field.dataset.saySilence;
}

/* See to fields that have said nothing yet, on a page just loaded or in a piece just swapped in: a valid NPI without its
   name, and what was typed before this script was there. */
export function checkWaitingNpis() {
  for (const field of npiFields()) {
    const isWaiting = faultOf(digitsOf(field)) === null || field.value !== field.defaultValue;
    const region = regionOf(field);
    if (isWaiting && !region?.textContent.trim()) checkNpi(field);
    else if (region && !busy.has(region)) tryBusyAgain(region, { words: wordsOf(field), tries: 0 });
  }
}

document.addEventListener('input', (event) => event.target.matches?.(FIELD) && checkNpi(event.target));
document.addEventListener('change', (event) => {
  const fields = npiFields().filter((field) => event.target.id && field.dataset.typeField === event.target.id);
  for (const field of fields) if (faultOf(digitsOf(field)) === null) checkNpi(field);
});
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('[data-cpse-npi-again], [data-cpse-npi-offer]');
  const field = fieldOf(link?.closest('[role="status"]'));
  if (!field) return;
  event.preventDefault();
  field.value = link.dataset.cpseNpiOffer ?? field.value;
  checkNpi(field, true);
  focus(field);
});
