/* An htmx for the plugin alone. A host may use one of its own, of whatever version, and neither knows of the other: this
   one is no global, and it works on the plugin's elements, which it is given by cpse.js. The modules are evaluated in
   the order of these lines, with nothing in between. */

import { configuration, theirs } from './htmx-before.js';
import htmx from '../vendor/htmx-4.0.1.esm.min.js';

configuration.remove();
if (theirs === undefined) delete window.htmx;
else window.htmx = theirs;

// It would work on the whole page, which is the host's.
htmx.initialize = () => {};

export default htmx;
