"""The identity provider's public keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

from .errors import ProviderUnavailable

_LEAST_RSA_BITS = 2048
_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with which an id_token's signature can be checked; `alg` is the one algorithm it is for, if any."""

    kid: str | None
    alg: str | None
    key: RSAKey | ECKey

    def fits(self, alg: str) -> bool:
        """Whether the key is meant for the algorithm."""
        return self.key.key_type == _KEY_TYPES.get(alg) and self.alg in (None, alg)


def read_keys(document: object) -> tuple[VerificationKey, ...]:
    """Read a JSON Web Key Set (RFC 7517); keys that are of no use here are passed over.

    Raises `ProviderUnavailable` where none is left: such a set is never worth keeping.
    """
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise ProviderUnavailable("the key set has no list of keys")
    keys = tuple(key for entry in entries if (key := _read_key(entry)) is not None)
    if not keys:
        raise ProviderUnavailable("the key set has no key for RS256, PS256 or ES256")
    return keys


def keys_for(keys: Iterable[VerificationKey], *, alg: str, kid: str | None) -> list[VerificationKey]:
    """The keys that may have made a signature.

    A token that does not name its key is one whose key there is no doubt about; with two keys, nothing is guessed.
    """
    fitting = [key for key in keys if key.fits(alg)]
    if kid is None:
        return fitting if len(fitting) == 1 else []
    return [key for key in fitting if key.kid == kid]


def _read_key(entry: object) -> VerificationKey | None:
    if not isinstance(entry, Mapping):
        return None
    kid, alg, operations = entry.get("kid"), entry.get("alg"), entry.get("key_ops", ["verify"])
    if not isinstance(kid, str | None) or not isinstance(alg, str | None):
        return None
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = _import_public(entry)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        # One key that cannot be read takes none of the others along.
        return None
    return VerificationKey(kid, alg, key) if key is not None else None


def _import_public(entry: Mapping[str, str]) -> RSAKey | ECKey | None:
    """Import the public numbers alone; whatever else an entry holds (a certificate, a private number) is left out."""
    if entry.get("kty") == "RSA":
        if int.from_bytes(urlsafe_b64decode(entry["n"].encode())).bit_length() < _LEAST_RSA_BITS:
            return None
        return RSAKey.import_key({"kty": "RSA", "n": entry["n"], "e": entry["e"]})
    if entry.get("kty") == "EC" and entry.get("crv") == "P-256":
        return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": entry["x"], "y": entry["y"]})
    return None
