"""How far a provider is set up, and what kind of NPI belongs to it."""

import pytest

from cpse_plugin.domain.providers import Address, Profile, ProviderType, SetUpStatus, set_up_status
from cpse_plugin.domain.registry import ProviderKind, kind_expected

COMPLETE = Profile(ProviderType.AGENCY, "1234567893", None, uses_portal=True)


@pytest.mark.parametrize(
    ("profile", "status"),
    [
        (COMPLETE, SetUpStatus.NOT_LINKED),
        (Profile(ProviderType.AGENCY, None, "010100010000", uses_portal=True), SetUpStatus.NOT_LINKED),
        (Profile(None, "1234567893", None, uses_portal=True), SetUpStatus.INCOMPLETE),
        (Profile(ProviderType.AGENCY, None, None, uses_portal=True), SetUpStatus.INCOMPLETE),
        (Profile(ProviderType.AGENCY, "", "", uses_portal=True), SetUpStatus.INCOMPLETE),
        (Profile(ProviderType.AGENCY, "1234567893", None, uses_portal=False), SetUpStatus.NOT_USED),
        (Profile(None, None, None, uses_portal=False), SetUpStatus.NOT_USED),
    ],
)
def test_a_provider_that_is_not_linked(profile: Profile, status: SetUpStatus) -> None:
    assert set_up_status(profile, linked=False) is status


@pytest.mark.parametrize(
    ("admins", "invitations", "status"),
    [
        (0, 0, SetUpStatus.LINKED),
        (0, 2, SetUpStatus.INVITED),
        (1, 0, SetUpStatus.READY),
        (1, 2, SetUpStatus.READY),
    ],
)
@pytest.mark.parametrize("uses_portal", [True, False])
def test_a_provider_that_is_linked(admins: int, invitations: int, status: SetUpStatus, uses_portal: bool) -> None:
    profile = Profile(None, None, None, uses_portal=uses_portal)
    found = set_up_status(profile, linked=True, active_admins=admins, open_invitations=invitations)
    assert found is status


def test_every_status_and_type_has_its_own_words() -> None:
    assert len({status.label for status in SetUpStatus}) == len(SetUpStatus)
    assert [kind.label for kind in ProviderType] == ["Agency", "Individual"]


def test_an_address_on_one_line() -> None:
    assert str(Address("1 Main Street", "Albany", "NY", "12207")) == "1 Main Street, Albany, NY 12207"
    assert str(Address("1 Main Street", "Albany", "NY", "12207", "Suite 2")).startswith("1 Main Street, Suite 2, ")


@pytest.mark.parametrize(
    ("provider_type", "kind"),
    [
        (ProviderType.AGENCY, ProviderKind.ORGANIZATION),
        (ProviderType.INDIVIDUAL, ProviderKind.INDIVIDUAL),
        (None, None),
    ],
)
def test_the_kind_of_npi_that_belongs_to_a_type(provider_type: ProviderType | None, kind: ProviderKind | None) -> None:
    assert kind_expected(provider_type) is kind
