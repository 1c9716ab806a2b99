/* What htmx and plain HTML do not do by themselves: the name as the NPI is typed, dialogs, keys and double clicks in
   tables, messages, and a focus that is never lost. All listeners are on the document, so that pieces of a page which
   arrive later need no set-up. Words that people read stand in the templates, except those for a broken connection. */
(() => {
  'use strict';

  // A host may load the file twice; two sets of listeners would ask and open everything twice.
  if (document.documentElement.hasAttribute('data-cpse-loaded')) return;
  document.documentElement.setAttribute('data-cpse-loaded', '');

  const UNREACHABLE = 'The intranet could not be reached. Nothing was lost; try again.';
  const NOT_UNDERSTOOD = 'The intranet answered with something that does not belong here. Load the page again.';
  const TOAST_SECONDS = 10;

  const byId = (id) => document.getElementById(id);
  const on = (name, listener, capture = false) => document.addEventListener(name, listener, capture);

  // --- focus and messages ------------------------------------------------------------------------------------------

  const isFocusLost = () => !document.activeElement || document.activeElement === document.body;

  function focus(element) {
    const target = element ?? document.querySelector('[data-cpse-focus-fallback]') ?? document.querySelector('#cpse h1');
    target?.focus();
    if (!target || document.activeElement === target) return;
    target.setAttribute('tabindex', '-1');
    target.focus();
  }

  function showAlert(text) {
    // Everything behind a modal dialog is inert and is not read out, so its alert has to stand inside.
    const dialog = document.querySelector('#cpse-dialog dialog[open]');
    let region = dialog ? dialog.querySelector('.cpse-alert-inside') : byId('cpse-alert');
    if (dialog && !region) {
      region = document.createElement('div');
      region.className = 'cpse-alert-inside';
      region.setAttribute('role', 'alert');
      dialog.querySelector('h2')?.after(region);
    }
    if (!region) return;
    region.textContent = text;
    if (text) region.scrollIntoView({ block: 'nearest' });
  }

  function showToast(text) {
    const line = document.createElement('p');
    line.className = 'cpse-toast';
    line.textContent = text;
    byId('cpse-status')?.replaceChildren(line);
    // Who holds the pointer on it is still reading.
    const leave = () => (line.matches(':hover') ? setTimeout(leave, 1000) : line.remove());
    setTimeout(leave, TOAST_SECONDS * 1000);
  }

  // What is done next makes the last message old.
  on('click', () => byId('cpse-status')?.replaceChildren(), true);
  on('cpse:toast', (event) => showToast(String(event.detail.text ?? '')));
  on('cpse:focus', (event) => focus(document.querySelector(event.detail.selector)));

  // --- the name that belongs to an NPI -----------------------------------------------------------------------------

  const asked = new WeakMap(); // region -> the question that it waits for

  const npiFields = () => [...document.querySelectorAll('input[data-cpse-npi]')];
  const regionOf = (field) => byId(field.dataset.region);
  const fieldOf = (region) => npiFields().find((field) => regionOf(field) === region);
  const digitsOf = (field) => field.value.replace(/[\s-]/g, '');
  const typeOf = (field) => byId(field.dataset.typeField)?.value ?? field.dataset.type ?? '';
  const wordsOf = (field) => `${digitsOf(field)}/${typeOf(field)}`;

  function isShown(region, words) {
    const answer = region.querySelector('[data-npi]');
    return answer !== null && `${answer.dataset.npi}/${answer.dataset.type ?? ''}` === words;
  }

  function hasRightCheckDigit(npi) {
    // Luhn over 80840 and the ten digits; the five in front add 24.
    const sum = [...npi].reverse().reduce((total, character, place) => {
      const digit = Number(character) * (place % 2 ? 2 : 1);
      return total + (digit > 9 ? digit - 9 : digit);
    }, 24);
    return sum % 10 === 0;
  }

  // The name of the sentence that says what is wrong; '' for an empty field, null for a valid NPI.
  function faultOf(digits) {
    if (!digits) return '';
    if (/\D/.test(digits)) return 'sayNotDigits';
    if (!/^[12]/.test(digits)) return 'sayFirstDigit';
    if (digits.length === 9) return 'sayOneMissing';
    if (digits.length < 10) return 'sayMissing';
    if (digits.length > 10) return 'sayTooLong';
    return hasRightCheckDigit(digits) ? null : 'sayCheckDigit';
  }

  function checkNpi(field, again = false) {
    const region = regionOf(field);
    const digits = digitsOf(field);
    const fault = faultOf(digits);
    const words = wordsOf(field);
    if (!region || (fault === null && !again && (asked.get(region)?.words === words || isShown(region, words)))) return;

    asked.delete(region);
    window.htmx?.trigger(region, 'htmx:abort');
    if (fault !== null) {
      const count = digits.length < 10 ? 10 - digits.length : digits.length;
      region.textContent = fault && field.dataset[fault].replace('{n}', count);
      region.toggleAttribute('data-fault', digits.length >= 10 || fault === 'sayNotDigits' || fault === 'sayFirstDigit');
      return;
    }
    if (!window.htmx) {
      region.textContent = field.dataset.saySilence;
      return;
    }
    const question = { words };
    asked.set(region, question);
    region.removeAttribute('data-fault');
    region.textContent = field.dataset.sayAsking;
    const type = typeOf(field);
    const url = field.dataset.lookupUrl.replace('0000000000', digits) + (type && `?type=${encodeURIComponent(type)}`);
    htmx.ajax('GET', url, { source: region, target: region, swap: 'innerHTML', cpseQuestion: question });
  }

  // An older answer never overwrites a newer one, whatever order they come in.
  function isStillAsked({ target, cpseQuestion }) {
    const field = fieldOf(target);
    return field !== undefined && asked.get(target) === cpseQuestion && wordsOf(field) === cpseQuestion.words;
  }

  function endQuestion({ target, cpseQuestion }) {
    if (asked.get(target) !== cpseQuestion) return;
    asked.delete(target);
    const field = fieldOf(target);
    if (field && target.textContent === field.dataset.sayAsking) target.textContent = field.dataset.saySilence;
  }

  // A field with a valid NPI and no name yet, on a page just loaded or in a piece just swapped in.
  function checkWaitingNpis() {
    for (const field of npiFields()) {
      if (faultOf(digitsOf(field)) === null && !regionOf(field)?.textContent.trim()) checkNpi(field);
    }
  }

  on('input', (event) => event.target.matches?.('input[data-cpse-npi]') && checkNpi(event.target));
  on('change', (event) => {
    const fields = npiFields().filter((field) => event.target.id && field.dataset.typeField === event.target.id);
    for (const field of fields) if (faultOf(digitsOf(field)) === null) checkNpi(field);
  });
  on('click', (event) => {
    const field = fieldOf(event.target.closest?.('[data-cpse-npi-again]')?.closest('[role="status"]'));
    if (!field) return;
    event.preventDefault();
    checkNpi(field, true);
    focus(field);
  });

  // --- dialogs -----------------------------------------------------------------------------------------------------

  let opener = null; // what opened the dialog

  function openDialog(ctx) {
    const dialog = document.querySelector('#cpse-dialog dialog[data-cpse-modal]:not([open])');
    const element = ctx.request?.submitter ?? ctx.sourceElement;
    // A dialog that replaces another one keeps the first one's opener.
    if (dialog && !element.closest('#cpse-dialog')) opener = element;
    dialog?.showModal();
  }

  function returnFromDialog() {
    // The opener may have been drawn anew meanwhile.
    focus(opener?.isConnected ? opener : byId(opener?.id));
    opener = null;
  }

  on('click', (event) => {
    const dialog = event.target.closest?.('[data-cpse-close]')?.closest('dialog');
    if (!dialog) return;
    event.preventDefault();
    dialog.close();
  });
  // `close` does not bubble, so it is caught on the way down.
  on('close', (event) => {
    if (!event.target.matches('#cpse-dialog > dialog')) return;
    event.target.remove();
    returnFromDialog();
  }, true);

  // --- rows that open ----------------------------------------------------------------------------------------------

  function rowLinkAt(event) {
    if (event.target.closest('a, button, input, select, label') || !getSelection().isCollapsed) return null;
    return event.target.closest('tr[data-cpse-row]')?.querySelector('a[data-cpse-row-link]');
  }

  // The second click would select a word; dragging still selects, for those who want to copy a number.
  on('mousedown', (event) => event.detail > 1 && rowLinkAt(event) && event.preventDefault());
  on('click', (event) => rowLinkAt(event)?.focus({ preventScroll: true }));
  on('dblclick', (event) => rowLinkAt(event)?.click());
  on('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches?.('a[data-cpse-row-link]')) return;
    const links = [...event.target.closest('table').querySelectorAll('a[data-cpse-row-link]')];
    event.preventDefault();
    links[links.indexOf(event.target) + step]?.focus();
  });

  // --- requests ----------------------------------------------------------------------------------------------------

  const busy = new WeakMap(); // element -> the latest request under way for it

  on('htmx:before:request', ({ detail: { ctx } }) => {
    if (!ctx.cpseQuestion) showAlert('');
    busy.set(ctx.target, ctx);
    ctx.target.setAttribute('aria-busy', 'true');
    ctx.cpseTarget = ctx.target; // an answer can name another target
  });
  on('htmx:finally:request', ({ detail: { ctx } }) => {
    if (ctx.cpseTarget && busy.get(ctx.cpseTarget) === ctx) ctx.cpseTarget.removeAttribute('aria-busy');
    if (ctx.cpseQuestion) endQuestion(ctx);
  });
  on('htmx:before:swap', (event) => {
    const { ctx, tasks } = event.detail;
    // A whole page where a piece was asked for: a proxy's error page, or somebody's page for signing in.
    const isPage = !ctx.select && /^\s*<(!doctype|html)/i.test(ctx.text);
    if (isPage || (ctx.cpseQuestion && !isStillAsked(ctx))) event.preventDefault();
    if (isPage && !ctx.cpseQuestion) showAlert(NOT_UNDERSTOOD);
    ctx.cpseTasks = tasks;
    ctx.cpseFocused = isFocusLost() ? null : document.activeElement;
  });
  on('htmx:after:swap', ({ detail: { ctx } }) => {
    openDialog(ctx);
    if (opener && !byId('cpse-dialog')?.firstElementChild) returnFromDialog();
    if (ctx.cpseFocused && isFocusLost()) {
      const region = ctx.cpseTasks[0]?.target; // htmx puts the new element here when it replaces the target
      const inRegion = ['[data-cpse-focus]', 'h1, h2, h3'].map((selector) => region?.querySelector?.(selector));
      focus([byId(ctx.cpseFocused.id), ...inRegion].find(Boolean));
    }
    checkWaitingNpis();
  });
  on('htmx:error', ({ detail: { ctx } }) => {
    if (ctx && !ctx.response && !ctx.cpseQuestion) showAlert(UNREACHABLE);
  });

  // --- pages without htmx ------------------------------------------------------------------------------------------

  // Where htmx did not come, links and forms are plain ones, and a page that waits for a piece gives way to the one
  // that has it.
  if (!window.htmx) {
    const waiting = document.querySelector('#cpse [hx-trigger="load"]');
    if (waiting) location.replace(waiting.getAttribute('hx-get'));
  }

  on('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== 'post' || !form.closest('.cpse')) return;
    if (form.hasAttribute('data-cpse-submitting')) event.preventDefault();
    form.setAttribute('data-cpse-submitting', '');
  });
  window.addEventListener('pageshow', () => {
    // Going back can bring a page as it was left, with its form marked.
    for (const form of document.querySelectorAll('[data-cpse-submitting]')) form.removeAttribute('data-cpse-submitting');
    checkWaitingNpis();
  });
})();
