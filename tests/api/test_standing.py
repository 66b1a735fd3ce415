"""The standing page as tenants meet it: plain, signed, the same as a document, and its form."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from goodstanding.enforcement.ladder import Account
from goodstanding.enforcement.policy import Policy, token
from goodstanding.model import Key, KeyKind
from goodstanding.operate import enforcement, reviews
from goodstanding.operate.enforcement import Desk
from goodstanding.store import enforcement as store
from tests.api.test_unsubscribe import FORM, Site

NEWS = Account("shop", Key(KeyKind.SUBSCRIPTION, "shop/news"), "bulk")
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("standing"))
    yield site
    site.end()


@pytest.fixture
def path(site: Site) -> Iterator[str]:
    """The page of a suspended subscription."""
    policy = Policy(link_key=enforcement.link_key(site.master))
    desk = Desk(site.database, policy, "eve")
    enforcement.impose(desk, str(NEWS.key), "suspend", "traps & <b>worse</b>")
    yield f"/standing/{token(policy, NEWS)}"
    with site.database.tx() as tx:
        for table in ("ladder", "ladder_order", "ladder_move", "review"):
            tx.run(f"DELETE FROM {table}")


def test_the_page_says_where_an_account_stands(site: Site, path: str) -> None:
    status, text, headers = site.ask("GET", path)
    assert status == 200
    assert "<h1>subscription:shop/news: Suspended</h1>" in text
    assert "traps &amp; &lt;b&gt;worse&lt;/b&gt;" in text
    assert "Where do the addresses come from" in text
    assert headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in headers
    assert "<script" not in text


def test_looking_opens_no_review(site: Site, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert site.ask(method, path)[0] == 200
    with site.database.read() as tx:
        assert store.cases(tx, decided=True) == []


def test_the_same_as_a_document(site: Site, path: str) -> None:
    status, text, headers = site.ask("GET", path, headers=JSON)
    page = json.loads(text)
    assert (status, headers["Content-Type"], page["effective"]) == (200, "application/json", "suspended")
    assert page["because"] == "traps & <b>worse</b>"
    assert [one["what"] for one in page["orders"]] == ["hold", "refuse"]


def answered(site: Site, path: str, **answers: str) -> tuple[int, str]:
    return site.ask("POST", path, urlencode({"review": "answer", **answers}), FORM)[:2]


def test_the_form_opens_a_review_and_keeps_the_answers(site: Site, path: str) -> None:
    status, text = answered(site, path, source="a fair, 2024 <i>")
    assert (status, "Your answers are stored" in text, "a fair, 2024 &lt;i&gt;" in text) == (200, True, True)
    status, text = answered(site, path, **dict.fromkeys(reviews.QUESTIONS, "said"))
    assert (status, "an operator decides" in text) == (200, True)
    with site.database.read() as tx:
        (case,) = store.cases(tx)
    assert (case.state, case.opened_by) == ("answered", "tenant")


def test_long_answers_fit(site: Site, path: str) -> None:
    status, _ = answered(site, path, **dict.fromkeys(reviews.QUESTIONS, "ä" * 4000))
    assert status == 200


@pytest.mark.parametrize(
    ("body", "status"), [("", 400), ("review=other", 400), pytest.param("x" * 300_000, 413, id="too much")]
)
def test_a_request_that_is_not_the_forms_changes_nothing(site: Site, path: str, body: str, status: int) -> None:
    assert site.ask("POST", path, body, FORM)[0] == status
    with site.database.read() as tx:
        assert store.cases(tx, decided=True) == []


def test_there_is_nothing_to_answer_in_good_standing(site: Site) -> None:
    good = Account("shop", Key(KeyKind.TENANT, "shop"))
    path = f"/standing/{token(Policy(link_key=enforcement.link_key(site.master)), good)}"
    status, text, _ = site.ask("GET", path)
    assert (status, "In good standing" in text, "<form" in text) == (200, True, False)
    assert answered(site, path, source="x")[0] == 409


@pytest.mark.parametrize("token_text", ["x", "a" * 600, "..%2f..%2fetc"])
def test_a_wrong_link_shows_nothing(site: Site, token_text: str) -> None:
    status, text, _ = site.ask("GET", f"/standing/{token_text}")
    assert status == 404
    assert "shop" not in text


def test_a_link_of_another_account_is_not_made_of_this_one(site: Site, path: str) -> None:
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert site.ask("GET", changed, headers=JSON)[0] == 404


def test_unsubscribe_links_are_no_standing_links(site: Site) -> None:
    assert site.ask("GET", f"/standing/{site.token()}")[0] == 404
