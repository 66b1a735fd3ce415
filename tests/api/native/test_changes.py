"""What can be changed is changed by whoever has seen it last; and lists that come in pages."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from litestar.testing import TestClient

from goodstanding.api.native.serving import alone
from goodstanding.settings import LogSettings
from tests.api.native.installation import Client, Installation, Known


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Known]]:
    found = Installation(tmp_path_factory.mktemp("changes"))
    yield found, found.furnish()
    found.close()


@pytest.fixture
def client(furnished: tuple[Installation, Known]) -> Iterator[Client]:
    with furnished[0].asked() as found:
        yield found


VERSIONED = [
    ("/tenants/shop", {"contact": "eve@shop.example"}, {"contact": "adam@shop.example"}),
    ("/subscriptions/shop/otp", {"flow": "codes"}, {"flow": "receipts", "minute_limit": 60}),
    ("/domains/news.example", {"kind": "link", "allow_destructive": True}, {"kind": "sending"}),
    ("/pools/shop-pool", {"addresses": ["192.0.2.8"]}, {"addresses": ["192.0.2.9"], "penalty": True}),
]


@pytest.mark.parametrize(("path", "first", "second"), VERSIONED)
def test_a_change_is_about_the_version_that_was_read(client: Client, path: str, first: object, second: object) -> None:
    seen = client("GET", path).headers["ETag"]
    assert client("PATCH", path, first).status_code == 428
    changed = client("PATCH", path, first, If_Match=seen)
    assert changed.status_code == 200, changed.text
    assert changed.headers["ETag"] != seen
    lost = client("PATCH", path, second, If_Match=seen)
    assert (lost.status_code, lost.json()["type"][-17:]) == (412, "changed-meanwhile")
    assert client("GET", path).json() == changed.json()
    assert client("PATCH", path, second, If_Match=f'"x", {changed.headers["ETag"]}').status_code == 200
    assert client("PATCH", path, first, If_Match="*").status_code == 200


def test_what_is_removed_must_have_been_read(client: Client) -> None:
    client("POST", "/subscriptions", {"name": "shop/extra", "stream": "bulk"})
    path = "/subscriptions/shop/extra"
    assert client("DELETE", path).status_code == 428
    assert client("DELETE", path, If_Match='"old"').status_code == 412
    assert client("DELETE", path, If_Match=client("GET", path).headers["ETag"]).status_code == 204
    assert client("GET", path).status_code == 404


def test_the_same_twice_is_once(client: Client) -> None:
    for path, body in (
        ("/tenants", {"name": "new"}),
        ("/subscriptions", {"name": "new/app", "stream": "transactional"}),
        ("/domains", {"name": "new.example", "tenant": "new", "stream": "transactional"}),
        ("/senders", {"address": "a@new.example", "subscription": "new/app"}),
    ):
        first, again = client("POST", path, body), client("POST", path, body)
        assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())


def test_what_differs_from_what_is_there_is_a_conflict(client: Client) -> None:
    answer = client("POST", "/tenants", {"name": "shop", "country": "DE"})
    assert (answer.status_code, "differs" in answer.json()["detail"]) == (409, True)


def test_a_conflict_names_everything_that_speaks_against_it(client: Client) -> None:
    document = '[[domains]]\nname = "x.example"\ntenant = "nobody"\n[[senders]]\naddress = "a@b.example"\n'
    answer = client("POST", "/estate/apply", {"document": document + 'subscription = "nobody/app"\n'})
    assert answer.status_code == 409
    assert len(answer.json()["errors"]) > 1


def test_what_is_exported_can_be_applied(client: Client) -> None:
    document = client("GET", "/estate/document").text
    answer = client("POST", "/estate/apply", {"document": document})
    assert (answer.status_code, answer.json()) == (200, {"applied": False, "changes": []})
    rehearsed = client(
        "POST", "/estate/apply", {"document": document + '[[tenants]]\nname = "zoo"\n', "rehearse": True}
    )
    assert [change["what"] for change in rehearsed.json()["changes"]] == ["tenant zoo"]
    assert client("GET", "/tenants/zoo").status_code == 404


def test_a_tenant_raises_no_limit_of_its_own(client: Client, furnished: tuple[Installation, Known]) -> None:
    key = furnished[0].shop
    for change in ({"minute_limit": 1000}, {"shadow": True}, {"pool": "letters"}):
        answer = client("PATCH", "/subscriptions/shop/otp", change, key=key, If_Match="*")
        assert answer.status_code == 403, change
    assert client("PATCH", "/subscriptions/shop/otp", {"flow": "x"}, key=key, If_Match="*").status_code == 200
    assert (
        client("POST", "/subscriptions", {"name": "shop/y", "stream": "bulk", "shadow": True}, key=key).status_code
        == 403
    )
    assert client("PATCH", "/tenants/shop", {"shared_domains": "exception"}, key=key, If_Match="*").status_code == 403


def test_a_tenant_is_told_nothing_of_others_by_a_conflict(
    client: Client, furnished: tuple[Installation, Known]
) -> None:
    for name in ("shop.example", "mail.shop.example"):
        answer = client("POST", "/domains", {"name": name, "stream": "transactional"}, key=furnished[0].bank)
        assert answer.status_code == 409
        assert "shop" not in answer.json()["detail"].replace(name, "")
    sender = {"address": "info@shop.example", "subscription": "bank/alerts"}
    other = {"address": "info@nobody.example", "subscription": "bank/alerts"}
    answers = [client("POST", "/senders", body, key=furnished[0].bank) for body in (sender, other)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].text == answers[1].text.replace("nobody", "shop")


def test_what_somebody_has_said_is_lifted_by_an_operator_only(
    client: Client, furnished: tuple[Installation, Known]
) -> None:
    body = {"recipient": "gone@example.com", "tenant": "shop", "stream": "bulk", "cause": "unsubscribed"}
    assert client("POST", "/suppressions", body, key=furnished[0].shop).json()[0]["cause"] == "unsubscribed"
    lift = {"recipient": "gone@example.com", "tenant": "shop", "because": "they said so on the phone"}
    assert client("POST", "/suppressions/lift", lift, key=furnished[0].shop).status_code == 422
    assert client("POST", "/suppressions/lift", lift).status_code == 200


def test_who_did_something_is_in_the_journal(client: Client, furnished: tuple[Installation, Known]) -> None:
    client("PATCH", "/tenants/bank", {"contact": "eve@bank.example"}, If_Match="*")
    with furnished[0].database.read() as tx:
        (told,) = tx.rows("SELECT details FROM journal ORDER BY seq DESC LIMIT 1")
    assert f'"by":"api key {furnished[0].operator.split("_")[1]}"' in told[0]


def test_the_mail_log_tells_of_it_where_it_is_a_file(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    log = tmp_path / "mail.log"
    settings = replace(installation.settings, log=LogSettings(mail=str(log)))
    with TestClient(alone(replace(installation.place, settings=settings))) as http:
        assert Client(http, installation.operator)("POST", "/tenants", {"name": "logged"}).status_code == 201
    assert "tenant logged" in log.read_text()
    installation.close()


# --- pages -----------------------------------------------------------------------------------------------------------

PAGED = [
    *("/apikeys", "/tenants", "/subscriptions", "/domains", "/pools", "/queue", "/suppressions", "/queue?tenant=shop"),
    *("/senders", "/credentials", "/quarantine", "/standings", "/reviews?decided=true", "/incidents", "/reputation"),
]


@pytest.mark.parametrize("path", PAGED)
def test_pages_of_one_are_the_whole_list(client: Client, path: str) -> None:
    mark = "&" if "?" in path else "?"
    whole = client("GET", path).json()
    assert whole["next"] == ""
    assert whole["items"]
    found, cursor = [], "&"
    while cursor:
        page = client("GET", f"{path}{mark}limit=1{cursor}").json()
        assert len(page["items"]) == 1
        found += page["items"]
        cursor = f"&cursor={page['next']}" if page["next"] else ""
    assert list(map(steady, found)) == list(map(steady, whole["items"]))


def steady(item: dict[str, object]) -> dict[str, object]:
    """Without figures of this moment: evidence matures from one request to the next."""
    return {name: value for name, value in item.items() if not isinstance(value, float) and name != "words"}


def test_a_cursor_belongs_to_one_list_and_one_reader(client: Client, furnished: tuple[Installation, Known]) -> None:
    cursor = client("GET", "/queue?limit=1&tenant=shop").json()["next"]
    assert client("GET", f"/queue?limit=5&tenant=shop&cursor={cursor}").status_code == 200
    for path in ("/queue?limit=1", "/queue?limit=1&tenant=bank", "/quarantine?limit=1", "/tenants?limit=1"):
        assert client("GET", f"{path}&cursor={cursor}").status_code == 422
    assert client("GET", f"/queue?tenant=shop&cursor={cursor}", key=furnished[0].shop).status_code == 422
    broken = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    assert client("GET", f"/queue?tenant=shop&cursor={broken}").status_code == 422


@pytest.mark.parametrize("number", ["12", "9007199254740993", str(2**63 - 1), "9" * 19])
def test_a_campaign_number_is_text_however_large_it_is(client: Client, number: str) -> None:
    answer = client("GET", f"/quarantine?campaign={number}")
    assert answer.status_code == 200
    assert {item["campaign"] for item in answer.json()["items"]} <= {number}
    assert client("POST", "/quarantine/undecide", {"campaign": 12}).status_code == 400


def test_no_call_leads_a_subscription_into_an_overlap_of_the_settings(tmp_path: Path) -> None:
    found = Installation(tmp_path)
    found.furnish()
    clash = replace(
        found.settings.pools[0], name="clash", stream=found.settings.pools[1].stream, hello="out.clash.example"
    )
    found.place = replace(found.place, settings=replace(found.settings, pools=(*found.settings.pools, clash)))
    with found.asked() as client:
        change = client("PATCH", "/subscriptions/shop/news", {"pool": "clash"}, If_Match="*")
        new = client("POST", "/subscriptions", {"name": "shop/more", "stream": "bulk", "pool": "clash"})
    assert (change.status_code, new.status_code) == (409, 409)
    assert "would be refused" in change.json()["detail"] and "192.0.2.1" in new.json()["detail"]
    found.close()
