"""Campaigns, recognition and the books: what is counted when, what is kept, what it costs to keep."""

from __future__ import annotations

import random
import tomllib
from hashlib import blake2b
from importlib import resources

import msgspec
import pytest

from goodstanding.admission import books, conduct
from goodstanding.admission.books import Book, Case, Incident, asked_for, singles_of
from goodstanding.admission.campaign import Gaps, Seen
from goodstanding.admission.facts import (
    Content,
    DomainFacts,
    Facts,
    Fingerprint,
    Grant,
    Proof,
    RecipientFacts,
    SenderFacts,
    Terms,
)
from goodstanding.admission.fingerprint import EMPTY, fingerprint
from goodstanding.admission.ration import Policy
from goodstanding.admission.recognise import TEXT_CUES, assess
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName

NOW = 1_799_654_400.0 + 9 * 3600
PRINT = fingerprint([b"word%d" % n for n in range(60)], [b"your", b"code"])
OTHER = fingerprint([b"else%d" % n for n in range(60)], [b"an", b"offer"])


def case(
    number: int = 1,
    *to: str,
    at: float = NOW,
    proof: Proof = Proof.NONE,
    content: Content | None = None,
    subscription: str = "shop/app",
) -> Case:
    """One message."""
    tenant = subscription.partition("/")[0]
    domain = DomainFacts(f"{tenant}.example", tenant, "transactional", state="verified")
    people = to or (f"person{number}@gmail.com",)
    recipients = tuple(
        RecipientFacts(
            one, one.rpartition("@")[2], blake2b(one.encode(), digest_size=16).digest(), Grant(True, proof, proof.value)
        )
        for one in people
    )
    identity = Identity(TenantName(tenant), SubscriptionName(subscription), Stream.TRANSACTIONAL)
    sender = SenderFacts(f"a@{tenant}.example", f"a@{tenant}.example", 1, domain, domain, domain.name)
    facts = Facts(
        identity,
        Terms(minute_limit=10**6, hour_limit=10**6),
        sender,
        content or Content("Your code", 900, PRINT),
        recipients,
        at,
    )
    return Case(facts, number << 22, "shared")


def send(book: Book, one: Case) -> conduct.Judgement:
    """Judge and let out whatever the ration allows."""
    judged = conduct.judge(book, one, one.facts.now)
    strangers = len(one.facts.unproven)
    going = min(strangers, judged.conduct.ration.allowed)
    conduct.commit(book, one, judged, len(one.facts.recipients) - strangers, going, strangers - going)
    return judged


def test_messages_of_one_text_are_one_campaign_and_others_another() -> None:
    book = Book()
    first = send(book, case(1))

    assert send(book, case(2)).campaign == first.campaign == 1 << 22
    assert send(book, case(3, content=Content("An offer", 900, OTHER))).campaign == 3 << 22
    assert book.campaigns[first.campaign].messages == 2


def test_a_campaign_belongs_to_one_subscription_and_knows_its_kin() -> None:
    book = Book()
    send(book, case(1))
    judged = send(book, case(2, subscription="other/app"))

    assert judged.campaign == 2 << 22
    assert judged.conduct.assessment.kin == 1


def test_who_copies_a_text_later_is_no_kin_of_where_it_began() -> None:
    book = Book()
    send(book, case(1))
    send(book, case(2, subscription="other/app"))
    send(book, case(3, subscription="shop/second"))

    judged = send(book, case(4, "fourth@gmail.com"))

    assert judged.campaign == 1 << 22
    assert judged.conduct.assessment.kin == 1  # the tenant's own


def test_who_is_told_to_wait_begins_no_campaign() -> None:
    book, one = Book(), case(2, content=Content("An offer", 900, OTHER))
    send(book, case(1))
    limited = msgspec.structs.replace(one.facts, terms=Terms(minute_limit=1, hour_limit=1))

    judged = conduct.judge(book, msgspec.structs.replace(one, facts=limited), NOW)

    assert judged.conduct.rates.retry_after > 0
    assert (judged.campaign, set(book.campaigns) - {singles_of("shop/app")}) == (0, {1 << 22})


def test_a_campaign_whose_first_message_is_refused_leaves_nothing_behind() -> None:
    book = Book()
    judged = conduct.judge(book, case(1), NOW)

    book.undo(judged.campaign)

    kept = {singles_of("shop/app")}
    assert (set(book.campaigns), book.changed_campaigns, set(book.new_campaigns)) == (kept, kept, kept)
    assert book.find(case(1)) is None


def test_mail_without_text_is_one_campaign_of_its_subscription() -> None:
    book, picture = Book(), Content("Look", 90_000, EMPTY)

    campaigns = {send(book, case(n, content=picture)).campaign for n in range(1, 4)}

    assert campaigns == {1 << 22}
    assert send(book, case(4, content=picture, subscription="other/app")).campaign == 4 << 22


def test_a_refused_message_counts_as_an_attempt_and_uses_nothing() -> None:
    book = Book()
    judged = conduct.judge(book, case(1), NOW)
    conduct.commit(book, case(1), judged, 0, 0, 0)

    assert book.campaigns[judged.campaign].messages == 1
    assert book.campaigns[judged.campaign].outstanding.left(NOW) == 0
    assert book.habits_of("shop/app").pace.minute.total == 0
    assert book.tally("from shop.example", NOW).volume == 0


def test_held_recipients_use_rates_and_flow_later() -> None:
    book = Book()
    one = case(1, *[f"{blake2b(b'%d' % n).hexdigest()[:9]}@gmail.com" for n in range(80)])
    judged = send(book, one)

    assert judged.conduct.ration.allowed == 50
    assert book.habits_of("shop/app").pace.minute.total == 80
    assert conduct.allowance(book, judged.campaign, 30, NOW).allowed == 0
    later = NOW + 86400
    may = conduct.allowance(book, judged.campaign, 30, later).allowed
    assert may == 30
    conduct.flowed(book, judged.campaign, may, later)
    assert book.campaigns[judged.campaign].exposed == 80


def test_a_retry_that_came_too_early_teaches_nothing() -> None:
    book = Book()
    tight = case(1)
    tight = msgspec.structs.replace(tight, facts=msgspec.structs.replace(tight.facts, terms=Terms(minute_limit=1)))
    send(book, tight)
    conduct.judge(book, tight, NOW + 1)

    campaign = book.campaigns[1 << 22]
    assert (campaign.messages, campaign.pattern.messages) == (2, 1)


def test_proof_frees_a_place_at_once() -> None:
    book = Book()
    judged = send(book, case(1, *[f"p{n}@gmail.com" for n in range(50)]))
    assert conduct.allowance(book, judged.campaign, 10, NOW).allowed == 0

    for _ in range(4):
        conduct.proved(book, judged.campaign, NOW, NOW + 30)

    assert conduct.allowance(book, judged.campaign, 10, NOW + 30).allowed == 4


def test_complaints_reach_every_key_of_the_campaign() -> None:
    book = Book()
    judged = send(book, case(1))
    conduct.complained(book, judged.campaign, NOW, NOW + 60)

    complaints = {key: sum(tally.complaints.values()) for key, tally in book.tallies.items()}
    assert complaints == dict.fromkeys(("subscription shop/app", "from shop.example", "tenant shop", "pool shared"), 1)


def test_an_incident_exempts_its_subscription_until_its_number_and_time() -> None:
    book = Book()
    book.incidents["reset"] = Incident("reset", "shop", "shop/app", NOW, NOW + 3600, 60)
    content = Content("Reset", 900, PRINT, incident="reset")
    crowd = [f"p{n}@gmail.com" for n in range(60)]

    assert send(book, case(1, *crowd, content=content)).incident == "reset"
    assert send(book, case(2, content=content)).incident == ""
    assert conduct.judge(book, case(3, content=content, at=NOW + 7200), NOW + 7200).incident == ""
    assert conduct.judge(book, case(4, content=content, subscription="other/app"), NOW).incident == ""


def test_an_incident_also_frees_a_campaign_that_was_judged_before_it_was_declared() -> None:
    book = Book()
    judged = send(book, case(1))
    book.campaigns[judged.campaign].probability = 0.9
    book.incidents["reset"] = Incident("reset", "shop", "shop/app", NOW, NOW + 3600, 60)

    declared = conduct.judge(book, case(2, content=Content("Reset", 900, PRINT, incident="reset")), NOW)
    assert (declared.campaign, declared.incident) == (judged.campaign, "reset")
    assert declared.conduct.assessment.probability == 0.0
    assert book.campaigns[judged.campaign].probability == 0.9


def test_an_operator_who_released_a_campaign_is_obeyed() -> None:
    book = Book()
    judged = send(book, case(1))
    book.campaigns[judged.campaign].state = "released"

    assert conduct.judge(book, case(2, *[f"p{n}@x.example" for n in range(900)]), NOW).conduct.ration.allowed == 900


def campaign_of(recipients: list[str], **content: object) -> Book:
    """A campaign sent by a timer."""
    book = Book()
    said = Content("Your code", 900, PRINT, **content)  # type: ignore[arg-type]
    for n, address in enumerate(recipients):
        send(book, case(n + 1, address, at=NOW + n * 600, content=said))
    return book


def test_text_alone_never_refuses_nor_holds() -> None:
    worst = tuple((cue, 1.0) for cue in ("persuasion", "meeting-ask", "compliment", "pitch", "opt-out"))
    rng, book = random.Random(1), Book()
    at = NOW
    for n in range(300):
        at += rng.expovariate(1 / 600)
        said = Content("Hello", 900, PRINT, cues=worst, forged_thread=True)
        send(book, case(n + 1, f"{rng.random()}@gmail.com", at=at, proof=Proof.INTERACTION, content=said))

    assert book.campaigns[1 << 22].probability < 0.5


def test_claimed_permissions_alone_never_clear_a_list() -> None:
    book = Book()
    for n in range(400):
        send(book, case(n + 1, f"a{n:04}@firm{n:04}.example", at=NOW + n, proof=Proof.PERMISSION))

    assert book.campaigns[1 << 22].probability > 0.5


def test_weights_are_told_with_figures_and_add_up() -> None:
    book = campaign_of([f"a{n:04}@firm{n:04}.example" for n in range(200)])
    found = assess(book.campaigns[1 << 22], NOW)

    assert found.looks == "list"
    assert any("sorted by" in weight.because for weight in found.weights)
    assert any("nothing speaks for 100% of its recipients" in weight.because for weight in found.weights)
    assert sum(weight.value for weight in found.weights) > 5


def test_every_text_cue_of_the_reader_has_a_weight() -> None:
    table = tomllib.loads(resources.files("goodstanding.admission").joinpath("cues.toml").read_text("utf-8"))

    assert {cue["name"] for cue in table["cue"]} <= TEXT_CUES


@pytest.mark.parametrize("volume", [1, 300, 5000])
def test_a_campaign_stays_small_whatever_its_volume(volume: int) -> None:
    rng = random.Random(2)
    book = campaign_of(
        [f"{rng.random()}@firm{rng.randrange(10**6)}.example" for _ in range(volume)],
        cues=tuple((f"cue-{n}", 0.5) for n in range(30)),
    )

    assert len(books.encode(book.campaigns[1 << 22])) <= 2048
    assert all(len(book.tally_octets(key)) <= 1536 for key in book.changed_tallies)


def test_a_book_that_was_stored_goes_on_where_it_was() -> None:
    whole, parts = Book(), Book()
    for n in range(1, 40):
        one = case(n, f"p{n}@firm{n % 7}.example", at=NOW + n * 9)
        judged = send(whole, one)
        again = send(parts, one)
        assert (again.campaign, again.conduct.rates) == (judged.campaign, judged.conduct.rates)
        assert again.conduct.ration == judged.conduct.ration
        parts = stored(parts, one)

    assert books.encode(parts.campaigns[1 << 22]) == books.encode(whole.campaigns[1 << 22])


def stored(book: Book, one: Case) -> Book:
    """Save what changed and load what the next message like this one asks for."""
    rows = {number: books.encode(book.campaigns[number]) for number in book.changed_campaigns}
    bands = [(band, number) for number in book.campaigns for band in books.bands_of("shop/app", one.facts.content)]
    wanted = asked_for([one])
    tallies = {key: book.tally_octets(key) for key in wanted.keys if key in book.changed_tallies}
    fresh = Book()
    campaigns = [books.campaign_from(rows[number]) for number in sorted(rows)]
    fresh.load(campaigns, [pair for pair in bands if pair[1] in rows], tallies)
    return fresh


def test_letters_like_no_other_are_judged_together() -> None:
    book, rng = Book(), random.Random(3)
    for n in range(60):
        words = [b"%d" % rng.randrange(10**6) for _ in range(60)]
        said = Content("Hello", 900, fingerprint(words, [b"hello"]))
        judged = send(book, case(n + 1, f"a{n}@firm{n}.example", at=NOW + n * 20, content=said))

    assert book.campaigns[singles_of("shop/app")].messages == 60
    assert judged.conduct.assessment.probability > 0.5
    assert "each like no other" in judged.conduct.assessment.weights[0].because


def test_a_campaign_that_turns_into_a_list_cannot_live_on_its_past() -> None:
    book = Book(Policy(first_day=1000))
    for n in range(300):
        send(book, case(n + 1, at=NOW + n * 60))
    campaign = book.campaigns[1 << 22]
    before = campaign.matured(NOW + 86400 * 3)
    for n in range(300):
        send(book, case(1000 + n, f"a{n:04}@firm{n:04}.example", at=NOW + 86400 * 3 + n))

    assert before > 200
    assert campaign.looks == "list"
    assert campaign.matured(NOW + 86400 * 3 + 300) < 60


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_people_who_come_back_are_estimated_without_being_kept(share: float) -> None:
    rng, seen = random.Random(4), Seen(bytearray(256))
    marks: list[int] = []
    for _ in range(400):
        again = bool(marks) and rng.random() < share
        mark = rng.choice(marks) if again else rng.getrandbits(32)
        marks.append(mark)
        seen.note(mark)

    assert seen.repeats() / 400 == pytest.approx(share, abs=0.04)


def test_gaps_tell_a_timer_from_people() -> None:
    rng, timer, people = random.Random(5), Gaps(), Gaps()
    for n in range(200):
        timer.note(2.0 * rng.uniform(0.8, 1.2) if (n + 1) % 50 else 40_000.0)
        people.note(rng.expovariate(1 / 30))

    assert timer.spread() < 0.3
    assert people.spread() > 1.0


def test_a_fingerprint_is_kept_without_its_bands() -> None:
    book = Book()
    send(book, case(1))

    assert book.campaigns[1 << 22].fingerprint == Fingerprint(PRINT.sketch, ())
    assert book.new_campaigns[1 << 22] == PRINT.bands
