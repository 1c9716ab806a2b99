// The package oidc-provider with one client and a page on which one chooses who to be.
//
// It listens on a free port of loopback and writes the port to standard output. Each line of JSON on standard input is
// then a configuration {client, people, keys, published, conform, apart, only}, which takes the place of the one before
// it; a line on standard output says that it holds. `published` is the key set that it shows; with `conform` it tells of
// people at its userinfo endpoint alone, with `apart` groups are behind a scope of their own, and `only` is the one way
// to give a secret. It ends with its standard input, so that it never outlives the test.

import http from 'node:http';
import readline from 'node:readline';

import { Provider } from 'oidc-provider';

const LOOPBACK = '127.0.0.1';
const INTERACTION = /^\/interaction\/[\w-]+$/;

const server = http.createServer((request, response) => answer(request, response));
let answer = (request, response) => response.writeHead(503).end();

function configuration({ client, people, keys, conform, apart, only }) {
  return {
    clients: [client],
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    claims: {
      openid: ['sub'],
      profile: apart ? ['name'] : ['name', 'groups'],
      ...(apart ? { groups: ['groups'] } : {}),
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: conform,
    clientAuthMethods: [only],
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = form.replace('</form>', '<button name="logout" value="yes">Sign out</button></form>');
        },
      },
      backchannelLogout: { enabled: true },
    },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    // Staff are not asked whether their own county's intranet may know who they are.
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid profile email groups');
      await grant.save();
      return grant;
    },
    findAccount: (ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
    ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, Session: 3600 },
    // It calls no address of the machine itself otherwise, and the intranet is on one.
    fetch: (address, { dispatcher, ...options }) => fetch(address, options),
  };
}

function application(issuer, settings) {
  const provider = new Provider(issuer, configuration(settings));
  const serve = provider.callback();
  return async (request, response) => {
    const { pathname } = new URL(request.url, issuer);
    if (pathname === '/jwks') {
      response.setHeader('Content-Type', 'application/jwk-set+json');
      response.end(JSON.stringify({ keys: settings.published }));
    } else if (!INTERACTION.test(pathname)) {
      serve(request, response);
    } else if (request.method === 'POST') {
      const form = new URLSearchParams(await text(request));
      await provider.interactionFinished(request, response, { login: { accountId: form.get('person') } });
    } else {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(`<h1>Who are you?</h1><form method="post" action="${pathname}"><input name="person"></form>`);
    }
  };
}

async function text(request) {
  const parts = [];
  for await (const part of request) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

server.listen(0, LOOPBACK, () => {
  const issuer = `http://${LOOPBACK}:${server.address().port}`;
  console.log(server.address().port);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    answer = application(issuer, JSON.parse(line));
    console.log('configured');
  });
  lines.on('close', () => process.exit());
});
