"""Every kind of id_token that must not sign anybody in, each with a word of the reason for which it is refused."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from cpse_plugin.sandbox.identity_provider_grants import IdentityProvider

from .world import CLIENT_ID, CLIENT_SECRET

Claims = dict[str, Any]
Header = dict[str, Any]


class Make(Protocol):
    """Makes a bad token of an honest one's claims and header, or changes these."""

    def __call__(self, claims: Claims, header: Header, idp: IdentityProvider) -> str | None: ...


ATTACKER = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
ATTACKER_EC = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
ATTACKER_ED = OKPKey.generate_key("Ed25519", auto_kid=True)
NO_KEY = "no key of the identity provider"
UNREADABLE = "cannot be read"
ALGORITHM = "alg is none of"


@dataclass(frozen=True)
class Forgery:
    """A bad token; `reason` is what the log says of it."""

    name: str
    make: Make
    reason: str


def claim(name: str, value: Any, reason: str, note: str = "") -> Forgery:
    """A well-signed token with one claim replaced."""

    def make(claims: Claims, header: Header, idp: IdentityProvider) -> str:
        changed = {**claims, name: value(claims) if callable(value) else value}
        return signed(header, encode(changed), idp.key)

    return Forgery(f"{name} {note or json.dumps(value)}", make, reason)


def without(name: str, reason: str) -> Forgery:
    """A well-signed token that lacks a claim."""

    def make(claims: Claims, header: Header, idp: IdentityProvider) -> None:
        del claims[name]

    return Forgery(f"{name} missing", make, reason)


def audience(note: str, aud: Any, azp: Any, reason: str) -> Forgery:
    def make(claims: Claims, header: Header, idp: IdentityProvider) -> None:
        claims.update({"aud": aud, "azp": azp})

    return Forgery(f"aud {note}", make, reason)


def head(note: str, reason: str, **members: Any) -> Forgery:
    """A well-signed token with other members in its header."""

    def make(claims: Claims, header: Header, idp: IdentityProvider) -> str:
        return signed({**header, **members}, encode(claims), idp.key)

    return Forgery(f"header {note}", make, reason)


def whole(name: str, make: Make, reason: str) -> Forgery:
    return Forgery(name, make, reason)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def signed(header: Header, payload: bytes, key: Key, alg: str = "RS256") -> str:
    """Sign anything by this algorithm, whatever the header says."""
    signing_input = f"{b64(encode(header))}.{b64(payload)}"
    signature = jws.JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{b64(signature)}"


def with_hmac(secret: Callable[[IdentityProvider], bytes]) -> Make:
    """The public key, which everybody has, taken for a shared secret."""

    def make(claims: Claims, header: Header, idp: IdentityProvider) -> str:
        signing_input = f"{b64(encode({**header, 'alg': 'HS256'}))}.{b64(encode(claims))}"
        mac = hmac.new(secret(idp), signing_input.encode(), hashlib.sha256).digest()
        return f"{signing_input}.{b64(mac)}"

    return make


def unsigned(alg: str, *, keep_signature: bool = False) -> Make:
    def make(claims: Claims, header: Header, idp: IdentityProvider) -> str:
        signature = signed(header, encode(claims), idp.key).split(".")[2] if keep_signature else ""
        return f"{b64(encode({**header, 'alg': alg}))}.{b64(encode(claims))}.{signature}"

    return make


def by(key: Key, alg: str, *, kid_of_provider: bool = True, **members: Any) -> Make:
    """Signed with this key."""

    def make(claims: Claims, header: Header, idp: IdentityProvider) -> str:
        kid = idp.key.kid if kid_of_provider else key.kid
        return signed({**header, "alg": alg, "kid": kid, **members}, encode(claims), key, alg)

    return make


def edited(change: Callable[[list[str]], list[str]]) -> Make:
    """An honest token whose segments are tampered with."""

    def make(claims: Claims, header: Header, idp: IdentityProvider) -> str:
        return ".".join(change(signed(header, encode(claims), idp.key).split(".")))

    return make


def payload(raw: bytes) -> Make:
    """Properly signed, and no claims."""
    return lambda claims, header, idp: signed(header, raw, idp.key)


def other_alg(alg: str) -> Make:
    """Properly signed by the provider, by another algorithm than it is used to."""
    return lambda claims, header, idp: signed({**header, "alg": alg}, encode(claims), idp.key, alg)


def _nested(claims: Claims, header: Header, idp: IdentityProvider) -> str:
    inner = signed(header, encode(claims), idp.key)
    return signed({**header, "cty": "JWT"}, inner.encode(), idp.key)


def _ago(seconds: float) -> Callable[[Claims], int]:
    return lambda claims: int(time.time() - seconds)


def _public_jwk(idp: IdentityProvider) -> bytes:
    return encode(idp.key.as_dict(private=False))


CERTIFICATE = base64.b64encode(b"not a certificate" * 20).decode()

FORGERIES = [
    # For whom.
    audience("another client", "other", None, "aud is not"),
    audience("another client, azp us", "other", CLIENT_ID, "aud is not"),
    audience("two clients", [CLIENT_ID, "other"], CLIENT_ID, "aud is not"),
    audience("two clients, the other first", ["other", CLIENT_ID], CLIENT_ID, "aud is not"),
    audience("the list of another client, azp us", ["other"], CLIENT_ID, "aud is not"),
    audience("us, azp another", CLIENT_ID, "other", "azp is another"),
    audience("us in a list, azp another", [CLIENT_ID], "other", "azp is another"),
    audience("us, azp null", CLIENT_ID, None, "azp is another"),
    audience("us, azp a list", CLIENT_ID, [CLIENT_ID], "azp is another"),
    claim("aud", [], "aud is not"),
    claim("aud", None, "aud is not"),
    claim("aud", 7, "aud is not"),
    claim("aud", {CLIENT_ID: True}, "aud is not"),
    claim("aud", [[CLIENT_ID]], "aud is not"),
    claim("aud", CLIENT_ID.upper(), "aud is not"),
    claim("aud", f"{CLIENT_ID} other", "aud is not"),
    without("aud", "aud is not"),
    # By whom.
    claim("iss", "https://evil.example", "iss is not"),
    claim("iss", lambda claims: claims["iss"] + "/", "iss is not", "with a slash"),
    claim("iss", lambda claims: claims["iss"] + "0", "iss is not", "with another port"),
    claim("iss", lambda claims: claims["iss"].replace("://", "://x@"), "iss is not", "with a user"),
    claim("iss", lambda claims: [claims["iss"]], "iss is not", "in a list"),
    claim("iss", None, "iss is not"),
    without("iss", "iss is not"),
    # Of whom.
    claim("sub", "", "sub is missing"),
    claim("sub", "  ", "sub is missing"),
    claim("sub", 7, "sub is missing"),
    claim("sub", None, "sub is missing"),
    claim("sub", ["elliot"], "sub is missing"),
    claim("sub", "x" * 256, "sub is longer", "too long"),
    claim("sub", "elliot\x00", "sub is longer"),
    claim("sub", "\ud800", "sub is longer"),
    without("sub", "sub is missing"),
    # When.
    claim("exp", _ago(61), "exp is over", "61 s ago"),
    claim("exp", _ago(90), "exp is over", "90 s ago"),
    claim("exp", 0, "exp is over"),
    claim("exp", "9999999999", "exp is missing"),
    claim("exp", True, "exp is missing"),
    claim("exp", None, "exp is missing"),
    claim("exp", [9999999999], "exp is missing"),
    without("exp", "exp is missing"),
    claim("iat", _ago(-90), "iat is in the future", "in 90 s"),
    claim("iat", _ago(3600), "iat is more than ten minutes", "an hour ago"),
    claim("iat", -1, "iat is more than ten minutes"),
    claim("iat", "now", "iat is missing"),
    without("iat", "iat is missing"),
    claim("nbf", _ago(-90), "nbf is in the future", "in 90 s"),
    claim("nbf", "now", "nbf is missing"),
    # For which sign-in.
    claim("nonce", "another", "nonce is"),
    claim("nonce", "", "nonce is"),
    claim("nonce", None, "nonce is"),
    claim("nonce", "\ud800", "nonce is"),
    claim("nonce", lambda claims: [claims["nonce"]], "nonce is", "in a list"),
    claim("nonce", lambda claims: claims["nonce"].swapcase(), "nonce is", "in other case"),
    without("nonce", "nonce is"),
    claim("at_hash", "another", "at_hash"),
    claim("at_hash", "", "at_hash"),
    claim("at_hash", None, "at_hash"),
    claim("at_hash", 7, "at_hash"),
    # What kind of token.
    head("typ at+jwt", "another kind", typ="at+jwt"),
    head("typ logout+jwt", "another kind", typ="logout+jwt"),
    head("typ secevent+jwt", "another kind", typ="secevent+jwt"),
    head("typ empty", "another kind", typ=""),
    head("typ number", UNREADABLE, typ=7),
    head("crit unknown", UNREADABLE, crit=["x"], x=1),
    head("crit known", "crit demands", crit=["kid"]),
    head("crit b64", "crit demands", crit=["b64"], b64=True),
    head("crit empty", "crit demands", crit=[]),
    head("crit text", UNREADABLE, crit="kid"),
    head("too long", UNREADABLE, x="x" * 9000),
    # Who signed it, and how.
    head("unknown kid", NO_KEY, kid="another"),
    head("kid number", UNREADABLE, kid=7),
    head("kid path", NO_KEY, kid="../../dev/null"),
    head("alg list", UNREADABLE, alg=["RS256"]),
    head("alg ES256 over an RSA signature", NO_KEY, alg="ES256"),
    head("alg PS256 over an RS256 signature", NO_KEY, alg="PS256"),
    whole("alg none", unsigned("none"), ALGORITHM),
    whole("alg None", unsigned("None"), ALGORITHM),
    whole("alg nOnE with a signature", unsigned("nOnE", keep_signature=True), ALGORITHM),
    whole("alg empty", unsigned(""), ALGORITHM),
    whole("RS256 without a signature", unsigned("RS256"), NO_KEY),
    whole("HS256 with the public key as PEM", with_hmac(lambda idp: idp.key.as_pem(private=False)), ALGORITHM),
    whole("HS256 with the public key as JWK", with_hmac(_public_jwk), ALGORITHM),
    whole("HS256 with the client secret", with_hmac(lambda idp: CLIENT_SECRET.encode()), ALGORITHM),
    whole("HS256 with nothing", with_hmac(lambda idp: b""), ALGORITHM),
    whole("RS512 by the provider", other_alg("RS512"), ALGORITHM),
    whole("PS384 by the provider", other_alg("PS384"), ALGORITHM),
    whole("RS256 by another key with the provider's kid", by(ATTACKER, "RS256"), NO_KEY),
    whole("RS256 by another key with its own kid", by(ATTACKER, "RS256", kid_of_provider=False), NO_KEY),
    whole("PS256 by another key", by(ATTACKER, "PS256"), NO_KEY),
    whole("ES256 by another key", by(ATTACKER_EC, "ES256"), NO_KEY),
    whole("EdDSA by another key", by(ATTACKER_ED, "EdDSA"), ALGORITHM),
    whole("embedded jwk", by(ATTACKER, "RS256", jwk=ATTACKER.as_dict(private=False)), NO_KEY),
    whole(
        "embedded jwk and its kid",
        by(ATTACKER, "RS256", kid_of_provider=False, jwk=ATTACKER.as_dict(private=False)),
        NO_KEY,
    ),
    whole("jku", by(ATTACKER, "RS256", kid_of_provider=False, jku="https://evil.example/jwks"), NO_KEY),
    whole("x5u", by(ATTACKER, "RS256", kid_of_provider=False, x5u="https://evil.example/cert"), NO_KEY),
    whole("x5c", by(ATTACKER, "RS256", kid_of_provider=False, x5c=[CERTIFICATE]), NO_KEY),
    # Its form.
    whole("two segments", edited(lambda parts: parts[:2]), UNREADABLE),
    whole("one segment", edited(lambda parts: parts[:1]), UNREADABLE),
    whole("five segments", edited(lambda parts: [*parts, "", ""]), UNREADABLE),
    whole("no payload", edited(lambda parts: [parts[0], "", parts[2]]), NO_KEY),
    whole("no header", edited(lambda parts: ["", *parts[1:]]), UNREADABLE),
    whole("signature cut", edited(lambda parts: [*parts[:2], parts[2][:-8]]), NO_KEY),
    whole("signature no base64", edited(lambda parts: [*parts[:2], "!!!"]), NO_KEY),
    whole("signature turned round", edited(lambda parts: [*parts[:2], parts[2][::-1]]), NO_KEY),
    whole("claims exchanged", edited(lambda parts: [parts[0], b64(b'{"sub":"rosa"}'), parts[2]]), NO_KEY),
    whole("nested token", _nested, UNREADABLE),
    whole("claims a list", payload(b"[]"), "no JSON object"),
    whole("claims null", payload(b"null"), "no JSON object"),
    whole("claims no JSON", payload(b"sub=elliot"), UNREADABLE),
    whole("claims with NaN", payload(b'{"exp": NaN}'), UNREADABLE),
    whole("claims nested deeply", payload(b'{"a":' * 20_000 + b"1" + b"}" * 20_000), UNREADABLE),
    whole("huge", lambda claims, header, idp: "x" * 300_000, "is longer than"),
    whole("not ASCII", lambda claims, header, idp: "é.é.é", UNREADABLE),
    whole("empty", lambda claims, header, idp: "", "$.id_token"),
]

_NAMES = {
    "aud two clients",
    "iss with a slash",
    "sub missing",
    "exp 90 s ago",
    'nonce "another"',
    "at_hash null",
    "header typ logout+jwt",
    "header crit b64",
    "header unknown kid",
    "header alg PS256 over an RS256 signature",
    "alg none",
    "HS256 with the public key as PEM",
    "RS512 by the provider",
    "PS384 by the provider",
    "EdDSA by another key",
    "RS256 by another key with the provider's kid",
    "embedded jwk and its kid",
    "claims exchanged",
    "two segments",
}
ONE_OF_EACH_KIND = [forgery for forgery in FORGERIES if forgery.name in _NAMES]
if len(ONE_OF_EACH_KIND) != len(_NAMES):
    raise LookupError("a forgery of each kind is named that is not in the list")
