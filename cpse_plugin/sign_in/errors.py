"""Why a sign-in did not come to its end, and what the person is told."""

from ..domain.text import clean_text


class SignInFailed(Exception):
    """A sign-in that was refused; nobody is signed in by it.

    `reason` is for the log and holds no token, code or secret. `sentence` is for the person, `status` for the answer.
    """

    sentence = "The sign-in could not be completed."
    status = 502

    def __init__(self, reason: str) -> None:
        self.reason = clean_text(reason, 300)
        super().__init__(self.reason)


class NotBegunHere(SignInFailed):
    """What came back belongs to no sign-in that this browser has open."""

    sentence = "This sign-in was used already, took too long or was begun in another browser."
    status = 400


class ProviderRefused(SignInFailed):
    """The identity provider says that it did not sign the person in."""

    sentence = "The county's identity provider did not sign you in."
    status = 400


class ProviderUnavailable(SignInFailed):
    """The identity provider could not be asked, or its answer cannot be used."""

    sentence = "The county's identity provider did not answer as it should."


class ProviderBusy(ProviderUnavailable):
    """The identity provider was not asked, since others wait for it already."""

    sentence = "The county's identity provider is slow to answer just now. Please try again in a minute."
    status = 503


class TokenRefused(SignInFailed):
    """The identity provider's answer is not proof of who the person is."""

    sentence = "The county's identity provider sent an answer that cannot be trusted."


class OutOfTime(TokenRefused):
    """The token is not valid at this time; where that happens to everybody, a clock is wrong."""

    sentence = (
        "The county's identity provider sent an answer that is not valid at this time. "
        "If this happens again, the clock of this server or of the identity provider is wrong."
    )
