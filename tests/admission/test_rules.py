"""Each rule finds what it is for, and leaves the rest alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from goodstanding.admission.decide import decide, decide_sender, reply
from goodstanding.admission.facts import (
    Action,
    DomainFacts,
    Facts,
    Finding,
    Grant,
    Proof,
    SiteOpinion,
    Suppressed,
    Terms,
    Unusual,
    Weight,
)
from goodstanding.model import Stream
from tests.admission.judged import NOW, STRANGER, conduct, letter, person

CODE, NEWS, COLD = Stream.TRANSACTIONAL, Stream.BULK, Stream.OUTREACH
ACCEPT, HOLD, DEFER, REFUSE = Action.ACCEPT, Action.QUARANTINE, Action.DEFER, Action.REFUSE
NO = Grant(False, Proof.NONE, "no permission is recorded", "record it")
LAWFUL = Grant(True, Proof.PERMISSION, "legitimate interest", basis="legitimate-interest")


def domain(**changes: Any) -> DomainFacts:
    return DomainFacts(
        **({"name": "shop.example", "tenant": "shop", "stream": "transactional", "state": "verified"} | changes)
    )


def strangers(*addresses: str) -> tuple[Any, ...]:
    return tuple(person(address, STRANGER) for address in addresses or ("ann@mail.example",))


def found(facts: Facts) -> dict[str, Action]:
    return {finding.slug: finding.action for finding in decide(facts).findings}


@pytest.mark.parametrize("stream", list(Stream))
def test_a_clean_message_has_no_findings(stream: Stream) -> None:
    assert found(letter(stream)) == {}
    assert found(letter(stream, conduct=conduct())) == {}


SENDER: list[tuple[str, Mapping[str, Any], Action]] = [
    ("no-from", {"from_address": "", "from_domain": None}, REFUSE),
    ("several-from", {"from_count": 2}, REFUSE),
    ("unclaimed-sender", {"from_domain": None}, REFUSE),
    ("foreign-sender", {"from_domain": domain(tenant="bank")}, REFUSE),
    ("unverified-sender", {"from_domain": domain(state="pending")}, REFUSE),
    ("stopped-sender", {"from_domain": domain(state="stopped")}, REFUSE),
    ("losing-domain", {"from_domain": domain(state="warned")}, ACCEPT),
    ("not-a-sending-domain", {"from_domain": domain(kind="link")}, REFUSE),
    ("wrong-stream", {"from_domain": domain(stream="bulk")}, REFUSE),
    ("wrong-stream", {"from_domain": domain(stream="")}, REFUSE),
    ("unlisted-sender", {"listed": False}, REFUSE),
    ("foreign-return-path", {"return_domain": None}, REFUSE),
    ("foreign-return-path", {"return_domain": domain(tenant="bank")}, REFUSE),
    ("misaligned-return-path", {"return_domain": domain(stream="bulk")}, REFUSE),
    ("misaligned-return-path", {"return_domain": domain(state="stopped")}, REFUSE),
    ("unsigned", {"signed_by": ""}, REFUSE),
    ("misaligned-signature", {"signed_by": "other.example"}, REFUSE),
    ("misaligned-signature", {"signed_by": "p.example"}, REFUSE),
    ("shared-identity", {"isolation": "198.51.100.1 sends outreach too"}, REFUSE),
]


@pytest.mark.parametrize(("slug", "changes", "action"), SENDER)
def test_who_sends(slug: str, changes: Mapping[str, Any], action: Action) -> None:
    assert found(letter(**changes)) == {slug: action}


UNLINKED_DOMAINS: list[Mapping[str, Any]] = [
    {"from_domain": None},
    {"from_domain": domain(tenant="bank")},
    {"from_domain": domain(state="pending")},
    {"from_domain": domain(state="stopped")},
    {"return_domain": None},
    {"return_domain": domain(tenant="bank")},
    {"return_domain": domain(state="pending")},
]


@pytest.mark.parametrize("changes", UNLINKED_DOMAINS, ids=range(len(UNLINKED_DOMAINS)))
def test_a_domain_that_is_not_linked_is_refused_as_acs_does_and_with_the_remedy(changes: Mapping[str, Any]) -> None:
    verdict = decide(letter(**changes))
    said = reply(verdict)
    assert (said.code, said.enhanced) == (501, "5.1.7")
    first, *more = said.text.split("\n")
    assert first == "The specified sender domain has not been linked."
    assert verdict.findings[0].slug in more[0] and verdict.findings[0].remedy[:40] in " ".join(more)


@pytest.mark.parametrize("changes", [{"from_domain": domain(stream="bulk")}, {"listed": False}, {"from_count": 2}])
def test_other_faults_of_a_sender_are_refused_as_before(changes: Mapping[str, Any]) -> None:
    assert reply(decide(letter(**changes))).code == 550


AT_MAIL = [
    (None, "foreign-return-path"),
    (domain(tenant="bank"), "foreign-return-path"),
    (domain(state="pending"), "misaligned-return-path"),
    (domain(), ""),
    (domain(state="warned"), ""),
    (domain(stream="bulk"), ""),
]


@pytest.mark.parametrize(("owner", "slug"), AT_MAIL, ids=range(len(AT_MAIL)))
def test_a_return_path_that_is_not_linked_is_known_at_mail(owner: DomainFacts | None, slug: str) -> None:
    facts = letter()
    found = decide_sender(facts.identity, facts.terms, "bounces@shop.example", owner)
    assert (found.slug if found else "") == slug
    assert decide_sender(facts.identity, facts.terms, "", owner) is None
    assert decide_sender(facts.identity, Terms(shadow=True), "bounces@shop.example", owner) is None


@pytest.mark.parametrize(("owner", "offered"), [(None, True), (domain(tenant="bank"), False)])
def test_nobody_is_told_to_claim_what_another_tenant_has(owner: DomainFacts | None, offered: bool) -> None:
    (finding,) = decide(letter(return_domain=owner)).findings
    assert ("goodstanding domain add" in finding.remedy) is offered


def test_a_null_return_path_is_nobody_elses() -> None:
    assert found(letter(return_path="", return_domain=None)) == {}


def test_a_parent_domain_may_sign() -> None:
    assert found(letter(from_address="a@news.shop.example")) == {}


def test_high_trust_routes_take_no_outreach_and_everything_else() -> None:
    assert found(letter(COLD, route="Amazon SES", pool="cold")) == {"high-trust-route": REFUSE}
    assert found(letter(CODE, route="Amazon SES")) == {}
    assert found(letter(NEWS, route="Amazon SES")) == {}


CONTENT: list[tuple[Stream, str, Mapping[str, Any], Action]] = [
    (CODE, "too-large", {"size": 26 * 1024 * 1024}, REFUSE),
    (CODE, "malformed-header", {"malformed": ("two From fields",)}, REFUSE),
    (CODE, "deceptive-header", {"deceptive": ("the name shows boss@bank.example",)}, ACCEPT),
    (NEWS, "deceptive-header", {"deceptive": ("the name shows boss@bank.example",)}, REFUSE),
    (CODE, "forged-thread", {"forged_thread": True}, ACCEPT),
    (COLD, "forged-thread", {"forged_thread": True}, REFUSE),
    (CODE, "invisible-text", {"invisible": 5000}, HOLD),
    (COLD, "invisible-text", {"invisible": 60}, REFUSE),
    (NEWS, "no-one-click", {"one_click": False}, REFUSE),
    (COLD, "no-one-click", {"one_click": False, "unsubscribe": False}, REFUSE),
    (NEWS, "no-way-out", {"unsubscribe_text": False}, ACCEPT),
    (COLD, "no-way-out", {"unsubscribe_text": False}, REFUSE),
    (NEWS, "no-postal-address", {"postal_address": False}, ACCEPT),
    (COLD, "no-postal-address", {"postal_address": False}, REFUSE),
]


@pytest.mark.parametrize(("stream", "slug", "changes", "action"), CONTENT)
def test_what_it_carries(stream: Stream, slug: str, changes: Mapping[str, Any], action: Action) -> None:
    assert found(letter(stream, **changes)) == {slug: action}


def test_a_forged_thread_to_strangers_is_held_on_transactional() -> None:
    assert found(letter(CODE, forged_thread=True, recipients=strangers())) == {"forged-thread": HOLD}


def test_transactional_mail_needs_no_way_out() -> None:
    assert found(letter(CODE, one_click=False, unsubscribe=False, unsubscribe_text=False, postal_address=False)) == {}


def test_a_newsletters_padding_is_no_invisible_text() -> None:
    assert found(letter(NEWS, invisible=300)) == {}


def test_more_recipients_than_agreed_are_refused() -> None:
    many = tuple(person(f"p{n}@mail.example") for n in range(51))
    assert found(letter(recipients=many)) == {"too-many-recipients": REFUSE}
    assert found(letter(recipients=many[:50])) == {}


GONE = Suppressed("tenant", "bounced", "mx.mail.example", NOW - 60, NOW + 60)
RECIPIENT: list[tuple[Stream, str, Mapping[str, Any], Action]] = [
    (CODE, "suppressed", {"suppressed": GONE}, REFUSE),
    (CODE, "objection", {"grant": NO}, REFUSE),
    (NEWS, "no-permission", {"grant": NO}, REFUSE),
    (COLD, "no-permission", {"grant": NO}, REFUSE),
    (COLD, "role-address", {"role": True, "grant": LAWFUL}, REFUSE),
    (COLD, "disposable-address", {"disposable": True}, REFUSE),
    (COLD, "null-mx", {"null_mx": True}, REFUSE),
]


@pytest.mark.parametrize(("stream", "slug", "changes", "action"), RECIPIENT)
def test_who_gets_it(stream: Stream, slug: str, changes: Mapping[str, Any], action: Action) -> None:
    assert found(letter(stream, recipients=(person(**changes),))) == {slug: action}


def test_a_role_that_asked_may_be_written_to() -> None:
    assert found(letter(COLD, recipients=(person("info@firm.example", role=True),))) == {}


def test_roles_and_disposable_addresses_get_codes() -> None:
    assert found(letter(CODE, recipients=(person(role=True, disposable=True),))) == {}


SPUN = (Weight("variation", 1.4, "its wording differs by 30% from message to message"),)
BUSY = (Unusual("volume", "400 recipients today, 20 on other days"),)
NIGHT = (Unusual("hour", "it never sent at 3 o'clock"),)
CONDUCT: list[tuple[Stream, str, Mapping[str, Any], Action]] = [
    (CODE, "rate-limit", {"minute": 30, "retry_after": 12.0}, DEFER),
    (CODE, "rate-limit", {"hour": 100}, DEFER),
    (CODE, "campaign-refused", {"state": "refused", "probability": 0.99}, REFUSE),
    (CODE, "cold-on-transactional", {"probability": 0.5}, HOLD),
    (CODE, "cold-on-transactional", {"probability": 0.95}, REFUSE),
    (CODE, "trust-budget", {"wanted": 1, "allowed": 0}, HOLD),
    (CODE, "unusual-volume", {"unusual": BUSY}, ACCEPT),
    (CODE, "unusual-volume", {"unusual": BUSY, "looks": "list"}, HOLD),
    (CODE, "unusual-hour", {"unusual": NIGHT, "looks": "list"}, ACCEPT),
    (CODE, "spread-campaign", {"identities": 10, "looks": "list"}, HOLD),
    (NEWS, "spread-campaign", {"identities": 10}, HOLD),
    (COLD, "spread-campaign", {"identities": 2}, REFUSE),
    (COLD, "spread-campaign", {"kin": 1}, REFUSE),
    (COLD, "spun-text", {"weights": SPUN}, REFUSE),
    (NEWS, "spun-text", {"weights": SPUN}, ACCEPT),
]


@pytest.mark.parametrize(("stream", "slug", "changes", "action"), CONDUCT)
def test_how_strangers_are_written_to(stream: Stream, slug: str, changes: Mapping[str, Any], action: Action) -> None:
    assert found(letter(stream, recipients=strangers(), conduct=conduct(**changes))) == {slug: action}


def test_a_permission_somebody_wrote_down_does_not_clear_what_is_a_list_beyond_doubt() -> None:
    campaign = conduct(probability=0.99)
    assert found(letter(CODE, conduct=campaign)) == {"cold-on-transactional": HOLD}
    did_something = (person(grant=Grant(True, Proof.INTERACTION, "logged in", basis="login")),)
    assert found(letter(CODE, recipients=did_something, conduct=campaign)) == {}


@pytest.mark.parametrize(
    "changes", [{"probability": 0.94}, {"wanted": 0, "allowed": 0}, {"identities": 10, "looks": "list"}]
)
def test_people_who_expect_it_get_it_whatever_the_campaign_looks_like(changes: Mapping[str, Any]) -> None:
    assert found(letter(CODE, conduct=conduct(**changes))) == {}


@pytest.mark.parametrize(
    "changes", [{"probability": 0.99}, {"wanted": 1, "allowed": 0}, {"identities": 10, "looks": "list"}]
)
def test_an_operators_release_beats_every_estimate(changes: Mapping[str, Any]) -> None:
    assert found(letter(CODE, recipients=strangers(), conduct=conduct(state="released", **changes))) == {}


def test_stock_texts_come_from_everywhere() -> None:
    assert found(letter(CODE, recipients=strangers(), conduct=conduct(kin=500, identities=300))) == {}


def test_a_message_larger_than_a_minutes_allowance_goes_when_nothing_else_went() -> None:
    many = tuple(person(f"p{n}@mail.example") for n in range(40))
    assert found(letter(recipients=many, conduct=conduct(minute=0))) == {}
    assert found(letter(recipients=many, conduct=conduct(minute=1))) == {"rate-limit": DEFER}


def test_the_site_is_heard() -> None:
    assert found(letter(site=SiteOpinion(Action.REFUSE, "not on Sundays"))) == {"site-policy": REFUSE}
    assert found(letter(site=SiteOpinion(Action.ACCEPT, ""))) == {}


def test_because_names_the_figures() -> None:
    facts = letter(CODE, recipients=strangers(), conduct=conduct(probability=0.7, unproven=9, recipients=10))
    (finding,) = decide(facts).findings
    assert isinstance(finding, Finding)
    assert "70%" in finding.because and "9 of 10" in finding.because and finding.recipient == "ann@mail.example"


def test_a_foreign_sender_is_not_told_whose_domain_it_is() -> None:
    (finding,) = decide(letter(from_domain=domain(tenant="bank"))).findings
    assert "bank" not in finding.because + finding.remedy


def test_a_return_path_that_lost_its_records_is_told_which_and_to_publish_them() -> None:
    (finding,) = decide(letter(return_domain=domain(state="stopped", because="no key at gs1"))).findings
    assert finding.because.endswith("has lost its records: no key at gs1")
    assert finding.remedy.startswith("publish its records (goodstanding domain records shop.example)")
