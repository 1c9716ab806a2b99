"""What is answered in place of a value that cannot be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text is not the value that was asked for, in a sentence for the person who wrote it.

    `offer` is the value that was probably meant. It is never taken unasked. `fault` names the reason for a program.
    """

    fault: str
    words: str
    offer: str | None = None

    def __str__(self) -> str:
        return f"{self.words} Did you mean {self.offer}?" if self.offer else self.words
