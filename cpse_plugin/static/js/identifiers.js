/* How an identifier is read while it is typed: the rule of domain/identifiers.py, held to it by one table of the tests. */

const UNSEEN = /[\p{DI}\p{Cc}]/gu;
const GROUPED = /^\d+(?:(?: ?[\p{Pd}\u2212] ?| )\d+)*(?: ?[\p{Pd}\u2212])?$/u;
const LABELLED = /^\D{0,20}\d(?:\d|[^\p{L}\p{N}.,])*$/u;
const MARKS = /^[='"`´‘’“”]+|[='"`´‘’“”]+$/g;
const SCIENTIFIC = /^(\d+)(?:[.,](\d*))?e([+-]?)(\d{1,3})$/i;
const THOUSANDS = /^(\d{1,3}(?:(?:,\d{3})+|(?:['’]\d{3})+|(?:\.\d{3}){2,}))(?:[.,](\d*))?$/;
const DECIMALS = /^(\d+)[.,](\d*)$/;

const LENGTHS = { npi: 10, 'sed-code': 12 };

// Luhn over 80840 and the ten digits; the five in front add 24.
const luhn = (digits) =>
  [...digits].reduce((sum, digit, place) => sum + (place % 2 ? Number(digit) : digit * 2 - (digit > 4 ? 9 : 0)), 24);
const isNpi = (digits) => /^[12]\d{9}$/.test(digits) && luhn(digits) % 10 === 0;

function offerOf(digits, kind) {
  if (kind === 'npi') return isNpi(digits) ? digits : '';
  return /^\d{11,12}$/.test(digits) ? digits.padStart(12, '0') : '';
}

const digitsOf = (text) => text.replace(/\D/g, '');
const whole = (digits, fraction = '') => (/[1-9]/.test(fraction) ? '' : digits);

// What a spreadsheet did to digits, and the digits as far as they can still be told; null where it did nothing.
function findDamage(text) {
  const inner = text.replace(MARKS, '');
  if (inner !== text) {
    const within = findDamage(inner) ?? (/^\d+$/.test(inner) && [null, inner]);
    return within && ['text-mark', within[1]];
  }
  let match = SCIENTIFIC.exec(text);
  if (match) {
    const [, digits, fraction = '', sign, exponent] = match;
    const isThere = sign !== '-' && exponent > 0 && exponent <= fraction.length;
    const found = isThere && whole(digits + fraction.slice(0, exponent), fraction.slice(exponent));
    return [found ? 'scientific' : 'digits-lost', found];
  }
  match = THOUSANDS.exec(text);
  if (match) return ['thousands', whole(digitsOf(match[1]), match[2])];
  match = DECIMALS.exec(text);
  return match && ['decimals', whole(match[1], match[2])];
}

function faultOf(digits, kind) {
  const missing = LENGTHS[kind] - digits.length;
  if (kind === 'npi' && !/^[12]/.test(digits)) return 'first-digit';
  if (missing < 0) return 'too-long';
  if (missing > 0) return missing === 1 ? 'one-missing' : 'too-short';
  return kind === 'npi' && !isNpi(digits) ? 'check-digit' : '';
}

/* Read what stands in a field: its digits, or the text where it is not digits in groups; what is wrong with it, or an
   empty text; and what was probably meant, or an empty text. */
export function readIdentifier(text, kind) {
  const cleaned = text.replace(UNSEEN, '').replace(/\s+/g, ' ').trim();
  if (!cleaned) return ['', '', ''];
  const digits = digitsOf(cleaned);
  const isWhole = (found) => found.length === LENGTHS[kind];
  if (GROUPED.test(cleaned)) return [digits, faultOf(digits, kind), isWhole(digits) ? '' : offerOf(digits, kind)];
  const plain = cleaned.normalize('NFKC');
  const damage = findDamage(plain.replaceAll(' ', ''));
  if (damage) return [cleaned, damage[0], offerOf(damage[1], kind)];
  const bare = LABELLED.test(plain) ? digitsOf(plain) : '';
  return [cleaned, 'not-digits', isWhole(bare) ? offerOf(bare, kind) : ''];
}

/* Say in the region beside a field what is wrong with what was read, with a button that takes the offer. */
export function say(region, field, [value, fault, offer], kind) {
  const words = fault && field.getAttribute(`data-say-${fault}`);
  region.textContent = words.replace('{n}', value.length).replace('{missing}', LENGTHS[kind] - value.length);
  region.toggleAttribute('data-fault', !['', 'too-short', 'one-missing'].includes(fault));
  if (!offer) return;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'cpse-button cpse-button-secondary';
  button.textContent = field.dataset.sayUse.replace('{offer}', offer);
  button.dataset.cpseUse = offer;
  region.append(` ${field.dataset.sayOffer.replace('{offer}', offer)} `, button);
}

// An SED code is read when the person leaves the field, and from then on as it is corrected.
function checkSedCode({ target, type }) {
  const region = target.matches?.('cpse-root input[data-cpse-sed-code]') && document.getElementById(target.dataset.region);
  if (!region || (type === 'input' && !region.textContent)) return;
  say(region, target, readIdentifier(target.value, 'sed-code'), 'sed-code');
}

let isPressed = false;
document.addEventListener('pointerdown', () => (isPressed = true), true);
document.addEventListener('pointerup', () => (isPressed = false), true);
document.addEventListener('input', checkSedCode);
document.addEventListener('change', (event) => {
  // Who leaves the field by pressing Apply would miss it, if words made it move before it is let go.
  if (isPressed) document.addEventListener('pointerup', () => setTimeout(checkSedCode, 0, event), { once: true });
  else checkSedCode(event);
});

document.addEventListener('click', ({ target }) => {
  const button = target.closest?.('cpse-root [data-cpse-use]');
  const region = button?.closest('[role="status"]');
  const field = region && document.querySelector(`cpse-root input[data-region="${region.id}"]`);
  if (!field) return;
  field.value = button.dataset.cpseUse;
  field.focus();
  field.dispatchEvent(new Event('input', { bubbles: true }));
});
