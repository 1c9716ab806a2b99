"""Cleaning and folding of text that comes from people and from other systems."""

import re
import unicodedata

# Lone surrogates, the control characters that are no white space, and what Unicode calls default ignorable code points:
# soft hyphen, zero width space and joiners, word joiner, byte order mark, bidirectional controls, variation selectors.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
# Unlike other signs, these are read as words.
_DROPPED = re.compile(r"(?:[^\w&+%]|_)+")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_SPACES = re.compile(r"\s+")
# Letters that Unicode does not take apart into a plain one and a mark.
_PLAIN_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i", "ŧ": "t", "ŋ": "n"}
)


def clean_text(value: str, max_length: int = 1000) -> str:
    """Return `value` fit to be stored and shown, on one line.

    What nobody sees goes: lone surrogates, NUL and the other control characters break a database or an encoder, and
    invisible characters make two values of one that a person reads. Runs of white space become one space, the rest is
    put into NFC and cut to `max_length` characters.
    """
    if value.isascii() and value.isprintable() and "  " not in value:
        # Nearly all of what comes in; an import has millions of such cells.
        return value.strip()[:max_length].rstrip()
    kept = unicodedata.normalize("NFC", _UNSEEN.sub("", value[: max_length * 4]))
    return _SPACES.sub(" ", kept).strip()[:max_length].rstrip()


def fold(value: str) -> str:
    """Return `value` in the form in which two texts are compared: no case, accents, punctuation or spaces.

    Between two digits a sign or a space stays, because `2-10` is not `210` and `1/2` is not `12`.
    """
    plain = plain_letters(value)
    # Of "?" and "!" nothing would be left; comparing two empty strings would call any two of them equal.
    return _DROPPED.sub(_between_digits, plain) or _SPACES.sub("", plain)


def _between_digits(dropped: re.Match[str]) -> str:
    text, start, end = dropped.string, dropped.start(), dropped.end()
    if start == 0 or end == len(text) or not (text[start - 1].isdecimal() and text[end].isdecimal()):
        return ""
    return next((sign for sign in "/-." if sign in dropped[0]), " ")


def fold_words(value: str) -> str:
    """Return `value` folded word by word, single spaces kept: the form in which names are sorted and searched."""
    plain = plain_letters(value)
    return _NOT_ALPHANUMERIC.sub(" ", plain).strip() or _SPACES.sub(" ", plain).strip()


def plain_letters(value: str) -> str:
    """Return `value` without case and accents, and with one kind of hyphen and of slash between numbers.

    Letters of every script stay: without them `李 Inc.` would equal `王 Inc.`.
    """
    if value.isascii():
        return value.lower()
    # Of 12½ and 5² would become 121/2 and 52.
    apart = "".join(f" {character}" if unicodedata.category(character) == "No" else character for character in value)
    decomposed = unicodedata.normalize("NFKD", apart.casefold())
    # Taking apart can bring capitals to light: the sign ℡ becomes TEL.
    plain = "".join(character for character in decomposed.casefold() if not unicodedata.combining(character))
    return _DASHES.sub("-", plain.translate(_PLAIN_LETTERS)).replace("\u2044", "/")
