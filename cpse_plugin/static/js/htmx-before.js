/* Evaluated right before htmx, see htmx.js: what htmx reads while it starts has to stand on the page by then. A host's
   page may have an htmx and a configuration of its own; both stay as they are. */

export const theirs = window.htmx;

// The first configuration on the page is the one that is read.
export const configuration = document.createElement('meta');
configuration.name = 'htmx-config';
configuration.content = JSON.stringify({
  // Longer than the server takes in any case (outbound/budget.py), so that it is the server that says what became of it.
  defaultTimeout: 30000,
  // htmx marks entries of the history as its own, and a host's htmx takes such a mark for its own; see address.js.
  history: false,
  // The rules would count on the host's page too.
  includeIndicatorCSS: false,
});
document.head.prepend(configuration);
