"""The forms that staff fill in."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest
from wtforms import BooleanField, EmailField, Field, HiddenField, SelectField, StringField, ValidationError
from wtforms import SelectChoice as Choice  # type: ignore[attr-defined]  # Newer than its type stubs.
from wtforms.validators import DataRequired, Length
from wtforms.widgets import EmailInput

from .domain.email_address import LONGEST_EMAIL, EmailAddress, mailbox_of
from .domain.identifiers import LicenseNumber, Npi, SedCode
from .domain.portal_records import NewInvitation, Profession, Therapist
from .domain.providers import CountyProvider, Profile, ProviderType
from .domain.refusals import Refusal
from .domain.text import clean_text
from .portal.gateway import FieldError
from .web.refusals import named

_TYPE_CHOICES = [Choice("", "Not set"), *(Choice(kind.value, kind.label) for kind in ProviderType)]
# Digits may be typed with spaces and hyphens between them; what is longer was pasted by mistake.
_TYPED_LENGTH = 40


def _one_line(value: str | None) -> str:
    """Clean what was typed; the length kept is beyond every field's, so that a text too long is told and never cut."""
    return clean_text(value or "", 2000)


class ValueField(StringField):
    """A text that is read as a value of the domain; `offer` is what was probably meant where it cannot be read."""

    offer: str | None = None

    def __init__(self, label: str, parse: Callable[[str], object | Refusal | None], **kwargs: Any) -> None:
        super().__init__(label, filters=[_one_line], **kwargs)
        # Asked about value, offer and fault of the same text, it is read once.
        self._parse: Callable[[str], object | Refusal | None] = lru_cache(maxsize=1)(parse)

    @property
    def value(self) -> str | None:
        """The value that was typed, as it is stored and sent; None where there is none that can be read."""
        read = self._parse(self.data or "")
        return None if read is None or isinstance(read, Refusal) else str(read)

    @property
    def meant(self) -> str | None:
        """What was probably meant, where what was typed cannot be read and that can be told."""
        read = self._parse(self.data or "")
        return read.offer if isinstance(read, Refusal) else None

    def read(self) -> None:
        """Refuse what is no such value, and offer what was probably meant."""
        read = self._parse(self.data or "")
        if isinstance(read, Refusal):
            self.offer = read.offer
            raise ValidationError(str(read))


def _readable(_: FlaskForm, field: ValueField) -> None:
    field.read()


def _too_long(name: str, length: int) -> Length:
    return Length(max=length, message=f"{name} is too long; at most {length} characters.")


def _needed(name: str) -> DataRequired:
    return DataRequired(message=f"Enter the {name}.")


class CpseForm(FlaskForm):  # type: ignore[misc]
    """A form whose fields have ids that no host's page has."""

    class Meta:
        """How the fields are made."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Make a field; its label, hint and errors follow its id."""
            return unbound_field.bind(form=form, **{**options, "id": f"cpse-{options['name']}"})

    # The name of the field whose offer is to be taken.
    use_offer = HiddenField()

    def take_offer(self) -> bool:
        """Put what was offered into the field that `use_offer` names; whether there was an offer to take.

        Without a script, Enter presses a form's first button, which may be the one of an offer. So a field that has
        been corrected meanwhile has no offer, and the form is what it says.
        """
        field = self._fields.get(self.use_offer.data)
        meant = field.meant if isinstance(field, ValueField) else None
        if meant is None:
            return False
        field.data = meant
        field.render_kw = {"autofocus": True, "data-cpse-focus": ""}
        return True


# The fields that say nothing of what is to be done.
_ABOUT_THE_FORM = frozenset({"operation_id", "csrf_token", "use_offer"})


class OperationForm(CpseForm):
    """A form that makes the Portal do something: sent twice, it does so once."""

    operation_id = HiddenField()

    @classmethod
    def sent(cls) -> tuple[Self, UUID]:
        """The form as it was sent, to be validated, and the operation's number as it was put into it.

        Raises `BadRequest` where somebody has tampered with what nobody types.
        """
        form = cls()
        try:
            if not all(field.validate(form) for field in form if field.type == "HiddenField"):
                raise ValueError
            return form, UUID(form.operation_id.data or "")
        except ValueError:
            raise BadRequest("This form is damaged. Open it anew.") from None

    def said(self) -> dict[str, str]:
        """What the form says, by field; only for a form whose fields are all of text."""
        return {name: text or "" for name, text in self.data.items() if name not in _ABOUT_THE_FORM}


class LinkForm(OperationForm):
    """Continue Association."""

    portal_id = HiddenField(validators=[DataRequired(), Length(max=64)])
    seen = HiddenField(validators=[Length(max=64)])


class UnlinkForm(OperationForm):
    """The reason for an unlink."""

    reason = StringField(
        "Reason",
        filters=[_one_line],
        validators=[DataRequired(message="Say why the link is to end; the history keeps it."), _too_long("It", 500)],
        description="For example: linked to the wrong provider.",
    )


class SettleForm(OperationForm):
    """Which link is to hold, and why."""

    keep = HiddenField(validators=[Length(max=64)])
    seen = HiddenField(validators=[Length(max=64)])
    reason = StringField(
        "Reason",
        filters=[_one_line],
        validators=[DataRequired(message="Say why; the history keeps it."), _too_long("It", 500)],
        description="For example: the other one is an entry from before the move.",
    )


class ProfileForm(CpseForm):
    """The tab Billing Provider Profile."""

    type = SelectField("Provider Type", choices=_TYPE_CHOICES)
    npi = ValueField("NPI", Npi.parse, validators=[_too_long("The NPI", _TYPED_LENGTH), _readable])
    sed_code = ValueField("SED Code", SedCode.parse, validators=[_too_long("The SED code", _TYPED_LENGTH), _readable])
    uses_portal = BooleanField("Provider Uses CPSE Portal")
    version = HiddenField()

    @classmethod
    def of(cls, provider: CountyProvider) -> "ProfileForm":
        """The form as a provider's profile stands."""
        profile = provider.profile
        return cls(
            formdata=None,
            data={
                "type": profile.type or "",
                "npi": profile.npi or "",
                "sed_code": profile.sed_code or "",
                "uses_portal": profile.uses_portal,
                "version": str(provider.version),
            },
        )

    def profile(self) -> Profile:
        """The profile as it was typed; only for a form that is valid."""
        return Profile(
            type=self.provider_type(),
            npi=self.npi.value,
            sed_code=self.sed_code.value,
            uses_portal=bool(self.uses_portal.data),
        )

    def provider_type(self) -> ProviderType | None:
        """The Provider Type that is chosen, if one is."""
        return ProviderType(self.type.data) if self.type.data in tuple(ProviderType) else None

    def read_version(self) -> int:
        """The version that the form was opened with; -1, which no provider has, where it cannot be read."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


class InvitationForm(OperationForm):
    """Invite New Admin User."""

    first_name = StringField(
        "First name", filters=[_one_line], validators=[_needed("first name"), _too_long("It", 100)]
    )
    last_name = StringField("Last name", filters=[_one_line], validators=[_needed("last name"), _too_long("It", 100)])
    email = ValueField(
        "E-mail address",
        EmailAddress.parse,
        validators=[_needed("e-mail address"), _too_long("It", LONGEST_EMAIL), _readable],
        widget=EmailInput(),
    )
    email_again = EmailField(
        "E-mail address again", filters=[_one_line], validators=[_needed("e-mail address a second time")]
    )
    is_therapist = BooleanField("User is also a therapist / service provider")
    npi = ValueField("NPI", Npi.parse)
    profession = SelectField("Profession", choices=[Choice("", "Not known yet")], validate_choice=False)
    license_number = ValueField("License", LicenseNumber.parse)

    _POINTERS = {  # noqa: RUF012
        "/first_name": "first_name",
        "/last_name": "last_name",
        "/email": "email",
        "/therapist/npi": "npi",
        "/therapist/profession": "profession",
        "/therapist/license_number": "license_number",
    }

    def offer(self, professions: Sequence[Profession]) -> None:
        """Offer the Portal's professions; what was chosen from an earlier list stays chosen."""
        choices = [Choice("", "Not known yet"), *(Choice(item.code, item.name) for item in professions)]
        chosen = self.profession.data
        if chosen and chosen not in {choice.value for choice in choices}:
            choices.append(Choice(chosen, chosen))
        self.profession.choices = choices

    def validate_email_again(self, field: Field) -> None:
        """Hold the second typing against the first."""
        if mailbox_of(field.data or "") != mailbox_of(self.email.data or ""):
            raise ValidationError("The two e-mail addresses differ.")

    def validate_npi(self, field: ValueField) -> None:
        """Read the NPI where it counts: hidden fields of somebody who is no therapist are left alone."""
        if self.is_therapist.data:
            field.read()

    def validate_license_number(self, field: ValueField) -> None:
        """Read the license where it counts."""
        if self.is_therapist.data:
            field.read()

    def validate_profession(self, field: Field) -> None:
        """Hold the profession's code to the Portal's length; whether it is one of the list the Portal says."""
        if self.is_therapist.data and len(field.data or "") > 20:
            raise ValidationError("Choose a profession from the list.")

    def invitation(self) -> NewInvitation:
        """The invitation as it was typed; only for a form that is valid."""
        therapist = None
        if self.is_therapist.data:
            therapist = Therapist(
                npi=self.npi.value,
                profession=self.profession.data or None,
                license_number=self.license_number.value,
            )
        return NewInvitation(
            first_name=self.first_name.data or "",
            last_name=self.last_name.data or "",
            email=self.email.value or "",
            therapist=therapist,
        )

    def show_refusal(self, errors: Sequence[FieldError]) -> list[str]:
        """Put the Portal's refusals beside the fields they are about; return those that are about none of them."""
        left = []
        for error in errors:
            name = self._POINTERS.get(error.pointer)
            if name is None:
                left.append(named(error))
            else:
                add_error(self[name], error.detail)
        return left


def add_error(field: Any, message: str) -> None:
    """Show a message beside a field."""
    field.errors = [*field.errors, message]
