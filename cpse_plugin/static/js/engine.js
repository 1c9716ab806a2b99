/* htmx, or null where it did not come: then links and forms are plain ones, and the rest of the script still works. */

export const htmx = await import('./htmx.js').then((module) => module.default, () => null);
