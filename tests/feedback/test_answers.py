"""Answers by people and by programs."""

import json
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback import answers
from goodstanding.feedback.answers import meaning_of, own_words, without_quotes
from goodstanding.feedback.mail import parse
from goodstanding.feedback.sources import read
from goodstanding.feedback.wording import Wording, plain
from tests.conftest import shared_data

TABLE = tomllib.loads(resources.files("goodstanding.feedback").joinpath("answers.toml").read_text("utf-8"))


def spoken(phrase: str) -> str:
    """A phrase as somebody types it: the first of each choice, without what may be missing."""
    words = [word.split("/")[0] for word in phrase.split() if not word.startswith("[")]
    return " ".join(["so to say" if word == "*" else word for word in words])


PHRASES = [
    (name, language, phrase)
    for name in ("unsubscribe", "complaint", "declined", "interested")
    for language, phrases in TABLE[name].items()
    if language != "whole"
    for phrase in phrases
]


@pytest.mark.parametrize(("meaning", "language", "phrase"), PHRASES)
def test_every_phrase_means_what_it_stands_under(meaning: str, language: str, phrase: str) -> None:
    assert meaning_of(spoken(phrase)) == meaning


SINGLE = {"abmahnung", "spammeur", "disiscrivetemi", "disiscrivermi", "cancellatemi", "cancellami", "rimuovetemi"} | {
    "rimuovermi", "toglietemi", "borrenme", "borreme", "elimineme", "eliminenme", "quitenme", "quiteme", "datatilsynet",
    "politianmeldt", "integritetsskyddsmyndigheten", "роскомнадзор", "заинтересовало", "llameme",
}  # fmt: skip
"""Words that mean it alone; any other phrase has two words that must stand there."""


@pytest.mark.parametrize(("meaning", "language", "phrase"), PHRASES)
def test_no_phrase_hangs_on_a_single_usual_word(meaning: str, language: str, phrase: str) -> None:
    assert language in ("ja", "zh", "ko") or len(spoken(phrase).split()) > 1 or phrase in SINGLE


@pytest.mark.parametrize("phrase", [phrase for phrases in TABLE["not"].values() for phrase in phrases])
def test_every_phrase_that_is_taken_out_leaves_nothing_to_find(phrase: str) -> None:
    assert meaning_of(spoken(phrase)) == ""


@pytest.mark.parametrize("word", TABLE["unsubscribe"]["whole"]["words"])
def test_a_word_alone_is_a_wish(word: str) -> None:
    assert meaning_of(f"{word.upper()}!\n\nKim Example\nExample Ltd") == "unsubscribe"


@pytest.mark.parametrize("phrase", TABLE["subject"]["automatic"])
def test_every_beginning_of_a_subject_is_known(phrase: str) -> None:
    said = spoken(phrase)
    assert answers.automatic(parse(f"From: a@b.example\nSubject: {said}: Mugs\n\nBack soon.\n".encode()))


@pytest.mark.parametrize(("language", "phrase"), [(lang, p) for lang, ps in TABLE["away"].items() for p in ps])
def test_every_absence_is_known(language: str, phrase: str) -> None:
    head = "From: a@b.example\nSubject: Re: Mugs\nContent-Type: text/plain; charset=utf-8\n\n"
    mail = parse(f"{head}{spoken(phrase)} x y z\n".encode())
    assert read(mail)[0].kind == "auto-reply"


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, the invoice is fine. Could you send it again as PDF?",
        "I don't want to unsubscribe, but where is my order?",
        "How do I unsubscribe our users through your API?",
        "Your mail was in my spam folder, sorry for the late answer.",
        "Please stop by our booth on Friday.",
        "Is there a way to stop the server from the console?",
        "Ich habe keine Mails mehr bekommen, was ist los?",
        "Mein Anwalt prüft den Vertrag, Antwort folgt.",
        "Please remove me from the cc of this thread, Lee has taken over.",
        "We give advice on legal action and on contracts.",
        "Merci, c'est noté.",
        "ok",
        "",
    ],
)
def test_what_is_unclear_is_a_plain_answer(text: str) -> None:
    assert meaning_of(text) == ""


def test_a_wish_deep_in_a_long_letter_is_unclear() -> None:
    assert meaning_of("We have discussed the offer at length in our team. " * 4 + "unsubscribe me") == ""
    assert meaning_of("unsubscribe me " + "and many other words " * 200) == ""


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, 23 Nov 2026 at 10:00, Shop <news@shop.example> wrote:",
        "On Mon, 23 Nov 2026 at 10:00, Shop\n<news@shop.example> wrote:",
        "Am 23.11.2026 um 10:00 schrieb Shop <news@shop.example>:",
        "Le lun. 23 nov. 2026 à 10:00, Shop <news@shop.example> a écrit :",
        "El lun, 23 nov 2026 a las 10:00, Shop (<news@shop.example>) escribió:",
        "Il giorno lun 23 nov 2026 alle ore 10:00 Shop <news@shop.example> ha scritto:",
        "23 ноября 2026 г. в 10:00, Shop пишет:",
        "2026年11月23日(月) 10:00 Shop <news@shop.example>のメール:",
        "2026年11月23日(月) 10:00 Shop <news@shop.example>:",
        "Dnia 23 listopada 2026 10:00 Shop napisał(a):",
        "Sent from my phone",
        "-----Original Message-----",
        "________________________________\nFrom: Shop <news@shop.example>",
        "Von: Shop <news@shop.example>",
        "> quoted",
        "-- ",
    ],
)
def test_what_is_quoted_is_not_read(attribution: str) -> None:
    assert without_quotes(f"Thanks!\n\n{attribution}\nunsubscribe me") == "Thanks!"


@pytest.mark.parametrize(
    "mark", ['<div class="gmail_quote">', "<blockquote>", '<div id="divRplyFwdMsg">', '<div id="appendonsend">']
)
def test_what_html_quotes_is_not_read(mark: str) -> None:
    html = f"<p>Thanks!</p>{mark}<p>unsubscribe me</p>"
    assert own_words(parse(f"Content-Type: text/html\n\n{html}\n".encode())) == "Thanks!"


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied", "X-Autoreply: yes", "Precedence: auto_reply", "X-Apple-Action: VACATION",
        "X-MS-Exchange-Inbox-Rules-Loop: kim@firm.example", "X-POST-MessageClass: 9; Autoresponder",
    ],
)  # fmt: skip
def test_a_field_of_a_program_is_enough(field: str) -> None:
    mail = parse(f"From: kim@firm.example\nSubject: Re: Mugs\n{field}\n\nunsubscribe me\n".encode())
    assert read(mail)[0].kind == "auto-reply"


def test_the_button_of_apple_mail_unsubscribes() -> None:
    mail = parse(b"From: kim@firm.example\nSubject: unsubscribe\nX-Apple-Unsubscribe: true\n\nApple Mail sent this.\n")
    assert read(mail)[0].kind == "unsubscribe"


def test_every_automatic_answer_of_the_data_set_is_known() -> None:
    labels = shared_data("bounces.dev.jsonl")
    rows = [row for row in map(json.loads, labels.read_text().splitlines()) if row["kind"] == "autoreply"]
    found = [read(parse(labels.parent.joinpath(row["file"]).read_bytes()))[0].kind for row in rows]
    assert found == ["auto-reply"] * len(rows)


def test_plain_text_has_no_accents_case_or_punctuation() -> None:
    assert plain("Désabonnez-moi, s’il vous plaît! E-Mail") == "desabonnez moi sil vous plait email"


def test_a_phrase_has_choices_and_gaps() -> None:
    wording = Wording(["stop [sending] mails/letters", "never * again"])
    assert wording.find("please stop sending letters", 100) == (7, 27)
    assert wording.find("never ever write to me again", 100) == (0, 28)
    assert wording.find("stop sending parcels", 100) is None
    assert wording.without("stop mails or so", 100) == "or so"


@pytest.mark.fuzz
@given(st.text(max_size=3_000))
def test_any_text_has_a_meaning_or_none(text: str) -> None:
    assert meaning_of(text) in ("unsubscribe", "complaint", "declined", "interested", "")
    assert len(without_quotes(text)) <= len(text)
