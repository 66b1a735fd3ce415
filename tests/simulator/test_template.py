"""Templates: every field is filled as the recipient gets it, and what cannot be filled is told with its remedy."""

from base64 import b64encode

import pytest
from msgspec import structs

from goodstanding.simulator.assumptions import Drawn
from goodstanding.simulator.campaign_file import Enclosed, flaws, question_of, read_campaign, traits_of
from goodstanding.simulator.identities import identities
from goodstanding.simulator.memory import lines_of
from goodstanding.simulator.recipients_file import read_recipients
from goodstanding.simulator.template import composed, flaws_of, letters
from tests.simulator.worlds import PLATFORMS, campaign, settled

BODY = b"Hello {{First Name}},\n\nthe plan of {{company}} ends. Unsubscribe: https://shop.example/{{ token | 1 }}\n"
TEMPLATE = b"From: Ann <ann@shop.example>\nSubject: A word, {{first_name}}\n\n" + BODY
ROWS = ({"first_name": "Anna", "company": "Acme"}, {"first_name": "Bo", "company": "Beta"})


def test_a_letter_is_filled_for_each_recipient() -> None:
    found = letters(TEMPLATE, ROWS, {})
    assert [one.subject for one in found.contents] == ["A word, Anna", "A word, Bo"]
    assert found.fields == ("first_name", "company", "token")
    assert found.alike == 1.0


def test_what_no_column_has_comes_from_samples_in_turn() -> None:
    found = letters(b"Subject: {{name}} of {{firm}}\n\nx", (), {"name": ["Anna", "Bo"], "firm": ["Acme"]})
    assert [one.subject for one in found.contents] == ["Anna of Acme", "Bo of Acme"]


@pytest.mark.parametrize(("row", "subject"), [({"name": "Bo"}, "Hi Bo"), ({"name": ""}, "Hi you"), ({}, "Hi you")])
def test_an_empty_cell_is_what_the_field_says_otherwise(row: dict[str, str], subject: str) -> None:
    assert letters(b"Subject: Hi {{name|you}}\n\nx", (row,), {}).contents[0].subject == subject


def test_letters_that_have_little_in_common_are_several_campaigns() -> None:
    """A text that is nothing but a field is as different as what it is filled with."""
    texts = [" ".join(f"{letter}{word}" for word in "abcdefghijklmnop") for letter in ("lo", "mi", "nu")]
    found = letters(b"Subject: {{text}}\n\n{{text}}\n", [{"text": text} for text in (*texts, texts[0])], {})
    assert found.alike == 0.5


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_fields_are_found_in_encoded_parts(encoding: str) -> None:
    text = b"Dear {{name}}, please unsubscribe at {{link}}"
    body = b64encode(text) if encoding == "base64" else text.replace(b"name", b"na=\nme")
    octets = b"From: a@b.example\nSubject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: %b\n\n%b\n"
    found = letters(octets % (encoding.encode(), body), ({"name": "Bo"},), {"link": ["https://b.example"]})
    assert found.fields == ("name", "link")
    assert found.contents[0].unsubscribe_text


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("{{plan}}", "no recipient has 'plan'; add the column, write plan = "),
        ("{{#if plan}}", "is no field"),
        ("{{}}", "is no field"),
        ("{{ plan.name() }}", "is no field"),
    ],
)
def test_what_cannot_be_filled_is_told(field: str, told: str) -> None:
    (flaw,) = flaws_of(f"Subject: x\n\n{field}".encode(), ROWS, {})
    assert field in flaw and told in flaw


def test_a_message_can_stand_in_the_campaign_itself() -> None:
    octets = composed("Hi {{name}}", "Unsubscribe here", "<p>Unsubscribe <a href='https://a.example'>here</a></p>")
    message = traits_of(octets, ({"name": "Bo"},))
    assert (message.subject, message.leads_out, message.filled) == ("Hi Bo", True, 1)


CAMPAIGN = "recipients = 'list.csv'\nmessage = 'letter.eml'\n"
LIST = read_recipients(["E-Mail,First Name,Company\n", "a@gmail.com,Anna,Acme\n", "b@gmail.com,Bo,Beta\n"])


def test_a_template_is_filled_with_the_columns_of_the_list() -> None:
    enclosed = Enclosed(TEMPLATE, LIST)
    written = read_campaign(CAMPAIGN)
    assert flaws(written, enclosed) == []
    message = question_of(written, enclosed).campaign.message
    assert (message.subject, message.filled, message.alike) == ("A word, Anna", 2, 1.0)


def test_every_flaw_of_a_template_is_told_with_its_file() -> None:
    told = flaws(read_campaign(CAMPAIGN), Enclosed(TEMPLATE + b"{{plan}} {{/if}}", LIST))
    assert [one.partition("}}")[0] for one in told] == ["message: letter.eml: {{plan", "message: letter.eml: {{/if"]


def test_samples_are_columns_too() -> None:
    written = read_campaign(f"{CAMPAIGN}[sample]\nplan = ['Gold', 2]\n")
    assert flaws(written, Enclosed(TEMPLATE + b"{{plan}}", LIST)) == []


def test_a_text_that_differs_is_less_of_a_campaign_to_providers() -> None:
    drawn, usual = Drawn(settled(), 2, 1), campaign()
    varied = structs.replace(usual, message=structs.replace(usual.message, alike=0.25))
    weights = [identities(one, PLATFORMS["azure"], drawn, lines_of(drawn))[-1].weight for one in (usual, varied)]
    assert (weights[1] == weights[0] * 0.25).all() and weights[0].all()
