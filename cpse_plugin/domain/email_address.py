"""E-mail addresses, and when two of them are one mailbox."""

from dataclasses import dataclass
from typing import Self

from email_validator import EmailNotValidError, validate_email

from .refusals import Refusal
from .text import clean_text

LONGEST_EMAIL = 254


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An e-mail address of the right form; `parse` makes it.

    `address` is how it goes to the Portal: as it was typed, with a domain of other letters than ASCII in its ASCII
    writing (`xn--`), which is the only one that every mail system takes. Two addresses with the same `mailbox` reach
    the same person.
    """

    address: str
    mailbox: str

    def __str__(self) -> str:
        return self.address

    @classmethod
    def parse(cls, text: str) -> Self | Refusal | None:
        """Read an address as it was typed or comes in a file; None where there is nothing to read."""
        typed = clean_text(text)
        if not typed:
            return None
        try:
            # Whether the domain takes mail is the Portal's mail server's to find out; reading makes no call.
            read = validate_email(typed, check_deliverability=False)
        except EmailNotValidError as error:
            return Refusal("no-address", f"This is no e-mail address. {error}")
        # Where letters beyond ASCII stand before the at-sign, there is no writing in ASCII.
        address = typed if typed.isascii() else f"{read.local_part}@{read.ascii_domain}"
        if len(address) > LONGEST_EMAIL:
            return Refusal("too-long", f"An e-mail address has at most {LONGEST_EMAIL} characters.")
        return cls(address, f"{read.local_part.casefold()}@{read.ascii_domain.casefold()}")


def mailbox_of(text: str) -> str:
    """The form in which two addresses of one mailbox are equal; a text that is no address is only folded."""
    read = EmailAddress.parse(text)
    return read.mailbox if isinstance(read, EmailAddress) else clean_text(text).casefold()
