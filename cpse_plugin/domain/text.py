"""Cleaning and folding of text that comes from people and from other systems."""

import re
import unicodedata

_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT_CONTROLS = frozenset("\t\n\r")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_SPACES = re.compile(r"\s+")


def clean_text(value: str, max_length: int = 1000) -> str:
    """Return `value` fit to be stored and shown, on one line.

    Lone surrogates, NUL, the other control characters and the bidirectional controls go: each of them
    breaks a database, an encoder or the reader's trust in what stands on the screen. Runs of white space
    become one space, the rest is put into NFC and cut to `max_length` characters.
    """
    kept = "".join(
        character
        for character in value[: max_length * 4]
        if character in _KEPT_CONTROLS
        or (unicodedata.category(character) not in ("Cc", "Cs") and character not in _BIDI_CONTROLS)
    )
    return _SPACES.sub(" ", unicodedata.normalize("NFC", kept)).strip()[:max_length].rstrip()


def fold(value: str) -> str:
    """Return `value` in the form in which two texts are compared: no case, accents, punctuation or spaces."""
    plain = _plain(value)
    # Of "?" and "!" nothing would be left; comparing two empty strings would call any two of them equal.
    return _NOT_ALPHANUMERIC.sub("", plain) or _SPACES.sub("", plain)


def fold_words(value: str) -> str:
    """Return `value` folded word by word, single spaces kept: the form in which names are sorted and searched."""
    plain = _plain(value)
    return _NOT_ALPHANUMERIC.sub(" ", plain).strip() or _SPACES.sub(" ", plain).strip()


def _plain(value: str) -> str:
    """Take case and accents away. Letters of every script stay: without them `李 Inc.` would equal `王 Inc.`."""
    decomposed = unicodedata.normalize("NFKD", value.casefold())
    # Taking apart can bring capitals to light: the sign ℡ becomes TEL.
    return "".join(character for character in decomposed.casefold() if not unicodedata.combining(character))
