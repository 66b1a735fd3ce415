from __future__ import annotations

import pytest

from bench.variations import fill
from goodstanding.admission.cues import WAY_OUT, cues, has_postal_address, literal_cues, streets
from goodstanding.admission.recognise import TEXT_CUES
from goodstanding.admission.wording import wording
from tests.admission.campaigns import OWN, content, dice


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("Your verification code is 482913", "code"),
        ("Ihr Bestätigungscode lautet 1234", "code"),
        ("Votre code de sécurité : 99", "code"),
        ("Il tuo codice è 12", "code"),
        ("Tu código de verificación", "code"),
        ("Reset your password here", "reset"),
        ("Thank you for your order", "order"),
        ("Would you be open to a quick call?", "meeting-ask"),
        ("Haben Sie nächste Woche Zeit?", "meeting-ask"),
        ("I noticed you’re hiring", "compliment"),
        ("Just following up on my last note", "follow-up"),
        ("Don't miss our special offer", "persuasion"),
        ("To unsubscribe, click here", WAY_OUT),
        ("Hier können Sie sich abmelden", WAY_OUT),
        ("Se désabonner", WAY_OUT),
    ],
)
def test_phrases_hint_at_what_a_message_is(text: str, cue: str) -> None:
    assert 0.0 < cues(wording(text).words)[cue] <= 1.0


def test_parts_of_words_are_no_phrases() -> None:
    assert cues(wording("the barcodes is on the zipcode isle").words) == {}


def test_several_phrases_say_more_than_one() -> None:
    one, two = (cues(wording(text).words)["meeting-ask"] for text in ("a quick call", "a quick call, or book a demo"))
    assert one < two < 1.0


def test_cues_have_a_weight_in_recognition() -> None:
    found = {cue for one in OWN for cue, _ in content(fill(one, dice())).cues}
    assert {"code", "reset", "order", "meeting-ask"} <= found <= TEXT_CUES | {"spintax"}


def test_money_and_unfilled_spintax_are_seen() -> None:
    assert literal_cues("it costs € 12.50") == {"amount": 0.5} == literal_cues("12 EUR") == literal_cues("$5")
    assert literal_cues("{Hi|Hello} there") == {"spintax": 1.0}
    assert literal_cues("a $ b { c | d") == {}


@pytest.mark.parametrize(
    "text",
    [
        "Shop Ltd, 12 Harbour Street, Dublin",
        "1600 Amphitheatre Pkwy, Mountain View, CA 94043",
        "Beispiel GmbH, Lindenstraße 7, 10115 Berlin",
        "P.O. Box 1234, Springfield",
        "12 rue de la Paix, 75002 Paris",
        "Via Roma 5, 20121 Milano",
        "Calle Mayor 10, 28013 Madrid",
        "Shop Ltd, London SW1A 1AA",
    ],
)
def test_a_postal_address_is_seen(text: str) -> None:
    assert has_postal_address(f"Some words first.\n\n{text}\n", streets(wording(text).words))


@pytest.mark.parametrize("text", ["See you on the street.", "You have 12 new messages", "Your code is 482913"])
def test_other_numbers_are_no_postal_address(text: str) -> None:
    assert not has_postal_address(text, streets(wording(text).words))
