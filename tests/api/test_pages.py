"""The page says the same in every language, hides addresses, and cannot be made to say something else."""

import string

import pytest

from goodstanding.api import pages
from goodstanding.model import MessageId, Stream, SubscriptionName, TenantName
from goodstanding.operate.suppression import Left
from goodstanding.wire.list_unsubscribe import Token


def token(address: str = "anna@example.com", tenant: str = "shop", stream: Stream = Stream.BULK) -> Token:
    return Token(TenantName(tenant), stream, SubscriptionName("shop/news"), address, MessageId(1), 0, 0)


@pytest.mark.parametrize("words", pages.LANGUAGES)
def test_every_language_says_everything(words: str) -> None:
    english = pages._WORDS["en"]
    own = pages._WORDS[words]
    assert own.keys() == english.keys()
    for name, text in own.items():
        assert fields(text) == fields(english[name])


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("words", pages.LANGUAGES)
@pytest.mark.parametrize("what", ["wrong", "post", "busy", "many", "nowhere"])
def test_every_trouble_is_explained(words: str, what: str) -> None:
    page = pages.trouble(words, what)
    assert page.title
    assert all(page.paragraphs)
    assert not page.button


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        ("", "en"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("tlh, es;q=0.4, it;q=0.5", "it"),
        ("fr;q=0, en;q=0.1", "en"),
        ("de;q=x, fr", "fr"),
        (",;;q=,=" * 500, "en"),
    ],
)
def test_the_language_is_the_readers(accepted: str, words: str) -> None:
    assert pages.language(accepted) == words


def test_what_a_sender_chose_is_text_and_nothing_else() -> None:
    text = pages.drawn(pages.question("en", token("<script>@x.example", "<b>shop</b>")), "en").content
    assert "<script" not in text
    assert "<b>" not in text


def test_the_page_runs_and_loads_nothing() -> None:
    text = pages.drawn(pages.question("en", token()), "en").content
    for word in ("<script", "src=", "href=", "@import", "url("):
        assert word not in text
    assert "default-src 'none'" in pages.HEADERS["Content-Security-Policy"]


def test_the_address_is_hidden() -> None:
    text = pages.drawn(pages.done("en", token(), Left("shop", "anna@example.com", (Stream.BULK,), 0.0)), "en").content
    assert "anna@" not in text
    assert "a…@example.com" in text
