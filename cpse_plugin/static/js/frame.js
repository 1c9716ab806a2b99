/* A page inside another site's frame: the frame is as tall as the page, and what opens over the page opens where the person
   looks. The page tells its height to the sites that may frame it, which the county has named, and to nobody else. */

const body = document.body;
const isFramed = body.matches('.cpse-framed') && window.parent !== window;
// In a frame that is as tall as its page the middle of the page may be far from the middle of the screen.
const GAP = 24;

/* The origins to tell: the one that frames this page where the browser names it, else all that may. */
function origins() {
  const allowed = body.dataset.cpseFramedBy.split(' ').filter(Boolean);
  const parent = window.location.ancestorOrigins?.[0];
  if (!parent) return allowed.filter((origin) => !origin.includes('*'));
  return allowed.some((origin) => isSameOrigin(origin, parent)) ? [parent] : [];
}

/* Whether an origin is the one of a source expression such as https://intranet.example or https://*.example. */
function isSameOrigin(expression, origin) {
  const [scheme, host] = expression.split('://*.');
  if (host === undefined) return expression === origin;
  return origin.startsWith(`${scheme}://`) && origin.slice(scheme.length + 3).endsWith(`.${host}`);
}

function tellHeight() {
  const height = Math.ceil(Math.max(body.getBoundingClientRect().height, neededByDialog()));
  for (const origin of origins()) window.parent.postMessage({ cpseHeight: height }, origin);
}

/* How far down an open dialog reaches when nothing of it is cut off. */
function neededByDialog() {
  const dialog = document.querySelector('dialog[open]');
  return dialog ? dialog.getBoundingClientRect().top + dialog.scrollHeight + GAP : 0;
}

/* Call back with the part of the page that the person sees; an observer knows it in another site's frame too. */
function whenSeen(act) {
  new IntersectionObserver(([entry], observer) => {
    observer.disconnect();
    const { intersectionRect: seen, boundingClientRect: page } = entry;
    act({ top: Math.max(0, seen.top - page.top), height: seen.height });
  }).observe(body);
}

/* Open a dialog, in a frame where the person looks. */
export function openInSight(dialog) {
  if (!isFramed) {
    dialog.showModal();
    return;
  }
  whenSeen(({ top, height }) => {
    dialog.style.setProperty('--cpse-dialog-top', `${top + GAP}px`);
    dialog.style.setProperty('--cpse-dialog-room', `${Math.max(20 * GAP, height - 2 * GAP)}px`);
    // Only now, or the browser scrolls to where the dialog would have been.
    dialog.showModal();
    tellHeight();
    dialog.addEventListener('close', tellHeight);
  });
}

/* Put a short message where the person looks, if the page is in a frame. */
export function placeInSight(message) {
  if (isFramed) whenSeen(({ top }) => message.style.setProperty('--cpse-toast-top', `${top}px`));
}

if (isFramed) new ResizeObserver(tellHeight).observe(body);

// --- signing in beside a frame ---------------------------------------------------------------------------------------

const form = document.querySelector('cpse-root form[data-cpse-framed-sign-in]');
const ticket = document.querySelector('cpse-root [data-cpse-ticket]')?.dataset.cpseTicket;

if (form) {
  window.addEventListener('message', ({ origin, data }) => {
    if (origin !== window.location.origin || typeof data?.cpseTicket !== 'string') return;
    form.elements.ticket.value = data.cpseTicket;
    form.submit();
  });
}

if (ticket !== undefined && window.opener) {
  // Only a page of this very origin gets it.
  window.opener.postMessage({ cpseTicket: ticket }, window.location.origin);
  window.close();
}
