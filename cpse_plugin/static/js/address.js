/* The address of a page changes with what is swapped into it, so that it can be loaded anew, sent to a colleague and gone
   back to. A piece in a host's page leaves the host's address alone. */

const here = () => window.location.pathname + window.location.search;
let shown = here(); // the address that belongs to what the page shows

/* Follow what the answer's header or the element that asked wishes: `push` a new address or `replace` the present one. */
export function followAddress(ctx) {
  const pushed = ctx.response?.headers.get('HX-Push-Url');
  const wish = pushed ? 'push' : ctx.cpseAddress;
  if (!wish || !ctx.response || ctx.cpseRoot.matches('.cpse-embed')) return;
  const { pathname, search } = new URL(pushed || ctx.response.raw.url, window.location.href);
  shown = pathname + search;
  if (shown === here()) return;
  if (wish === 'push') window.history.pushState({ cpse: true }, '', shown);
  else window.history.replaceState(window.history.state, '', shown);
}

// Going back loads the page anew, so nobody sees what a provider was before the last change.
window.addEventListener('popstate', () => {
  if (here() !== shown && document.querySelector('cpse-root #cpse-main')) window.location.reload();
});
