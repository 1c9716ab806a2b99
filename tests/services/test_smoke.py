import pytest
@pytest.mark.parametrize("n", range(3))
@pytest.mark.parametrize("database_kind", ["sqlite","postgresql"])
def test_a(cpse, n, intranet, mailbox):
    assert len(cpse.providers.by_county_ids(["TC-1013","TC-1001"]))==2
    c = intranet.test_client()
    for a in ("/cpse/providers","/cpse/providers/13/matches"):
        assert c.get(a).status_code==200
