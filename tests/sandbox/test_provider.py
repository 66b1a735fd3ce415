"""Every manner of every provider, as tables: what was done before, what is said now."""

import pytest

from goodstanding.errors import SettingsError
from goodstanding.outside import Answer
from goodstanding.sandbox.authentication import Authentication
from goodstanding.sandbox.behaviour import Act
from goodstanding.sandbox.catalogue import Catalogue, built_in, read
from goodstanding.sandbox.dkim_check import Verified
from goodstanding.sandbox.pace import Pace
from goodstanding.sandbox.placement import Key, Lines, Reputations
from goodstanding.sandbox.provider import MAGIC, SLOW, Reception, Visit
from goodstanding.sandbox.relations import AddressBook
from goodstanding.sandbox.residents import Residents
from goodstanding.sandbox.zones import Lookup

CATALOGUE: Catalogue = built_in()
PROVIDERS = {provider.name: provider for provider in CATALOGUE.providers}
CLIENT = "127.0.0.1"


def reception(name: str, *, seed: str = "s", patience: float = 60.0, lookup: Lookup | None = None) -> Reception:
    residents = Residents(name, seed, AddressBook(), Pace(0.0))
    return Reception(PROVIDERS[name], CATALOGUE.wordings[name], residents, patience=patience, lookup=lookup)


def arrived(desk: Reception) -> Visit:
    visit, _ = desk.arrive(CLIENT, desk.provider.hosts[0].name)
    visit.tls = True
    return visit


def in_transaction(desk: Reception, now: float = 0.0) -> Visit:
    visit = arrived(desk)
    assert desk.sender(visit, "a@acme.example", now).why == "sender"
    return visit


@pytest.mark.parametrize(
    ("provider", "address", "reply"),
    [
        ("gmail", "inbox@gmail.example", "250 2.1.5 OK"),
        ("gmail", "INBOX-3@Gmail.Example", "250 2.1.5 OK"),
        ("gmail", "postmaster@startup.example", "250 2.1.5 OK"),
        ("gmail", "unknown@gmail.example", "550 5.1.1 The email account that you tried to reach does not exist."),
        ("gmail", "unknown77@gmail.example", "550 5.1.1 The email account that you tried to reach does not exist."),
        ("gmail", "full@gmail.example", "452 4.2.2 The recipient's inbox is out of storage space."),
        ("gmail", "disabled@gmail.example", "550 5.2.1 The email account that you tried to reach is inactive."),
        ("gmail", "inbox@elsewhere.example", "550 5.7.1 Relaying denied"),
        ("outlook", "unknown@outlook.example", "550 5.5.0 Requested action not taken: mailbox unavailable"),
        ("outlook", "full@hotmail.example", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception"),
        ("outlook", "defer@outlook.example", "451 4.7.500 Server busy. Please try again later from [127.0.0.1]."),
        ("yahoo", "unknown@aol.example", "554 delivery error: dd This user doesn't have a aol.example account"),
        ("yahoo", "full@yahoo.example", "552 1 Requested mail action aborted: exceeded storage allocation"),
        ("corp-postfix", "unknown@corp-postfix.example", "550 5.1.1 <unknown@corp-postfix.example>: Recipient address"),
        ("corp-exchange", "unknown@subsidiary.example", "550 5.1.10 RESOLVER.ADR.RecipientNotFound;"),
        ("corp-legacy", "unknown@corp-legacy.example", "550 unknown@corp-legacy.example... User unknown"),
        ("corp-postfix", "blocked@corp-postfix.example", "550 5.7.1"),
        ("corp-postfix", "greylist@corp-postfix.example", "450 4.2.0"),
        ("corp-postfix", "fuller@corp-postfix.example", "250 2.1.5"),
        ("corp-postfix", "postmaster", "250 2.1.5"),
        ("sink", "anybody@some.thing.sink.example", "250 2.1.5"),
        ("sink", "anybody@sink.example", "250 2.1.5"),
        ("sink", "anybody@notsink.example", "554 5.7.1"),
        ("hosted", "inbox@any-customer.example", "250 2.1.5"),
    ],
)
def test_what_is_said_to_a_recipient(provider: str, address: str, reply: str) -> None:
    desk = reception(provider)
    assert str(desk.recipient(in_transaction(desk), address, 0.0).reply).startswith(reply)


def test_every_reply_of_every_provider_can_be_said() -> None:
    for name, wordings in CATALOGUE.wordings.items():
        for words in wordings.values():
            blanks = dict.fromkeys(("recipient", "sender", "domain", "client", "host", "helo", "id"), "x")
            assert 200 <= words.reply(blanks).code < 600, name


def test_magic_does_the_same_everywhere() -> None:
    assert {reception(name).fate(f"{word}-1", "x") for name in PROVIDERS for word in MAGIC} == set(MAGIC.values())


def test_the_same_seed_gives_the_same_mailboxes_and_another_seed_others() -> None:
    people = [f"person{n}@gmail.example" for n in range(20_000)]
    fates = [[reception("gmail", seed=seed).fate(*p.split("@")) for p in people] for seed in ("a", "a", "b")]
    assert fates[0] == fates[1] != fates[2]
    assert 60 <= fates[0].count("unknown") <= 140  # 0.5 % of 20,000


def test_the_same_events_give_the_same_words() -> None:
    first, second = reception("gmail"), reception("gmail")
    said = [(desk.arrive(CLIENT, "h"), desk.sender(arrived(desk), "a@b.example", 1.0)) for desk in (first, second)]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("tries", "whys"),
    [
        ([0], ["greylisted"]),
        ([0, 59.9], ["greylisted", "greylisted"]),
        ([0, 60], ["greylisted", "recipient"]),
        ([0, 60, 61], ["greylisted", "recipient", "recipient"]),
    ],
)
def test_greylisting_turns_away_for_as_long_as_patience_says(tries: list[float], whys: list[str]) -> None:
    desk = reception("corp-grey", patience=60)
    visit = in_transaction(desk)
    assert [desk.recipient(visit, "inbox@corp-grey.example", now).why for now in tries] == whys


def test_greylisting_knows_senders_apart() -> None:
    desk = reception("corp-grey", patience=0)
    assert desk.recipient(in_transaction(desk), "inbox@corp-grey.example", 0).why == "recipient"
    strict = reception("corp-grey", patience=60)
    visit = in_transaction(strict)
    strict.recipient(visit, "inbox@corp-grey.example", 0)
    strict.sender(visit, "other@acme.example", 60)
    assert strict.recipient(visit, "inbox@corp-grey.example", 60).why == "greylisted"


def test_an_unknown_recipient_is_not_greylisted_first() -> None:
    desk = reception("corp-grey")
    assert desk.recipient(in_transaction(desk), "unknown@corp-grey.example", 0).why == "unknown"


def test_one_domain_per_transaction_where_the_provider_wants_that() -> None:
    desk = reception("gmail")
    visit = in_transaction(desk)
    addresses = ["inbox@gmail.example", "inbox@startup.example", "inbox2@GMAIL.example"]
    assert [desk.recipient(visit, address, 0).why for address in addresses] == [
        "recipient", "too_many_domains", "recipient",
    ]  # fmt: skip


def test_recipients_beyond_the_limit_are_put_off() -> None:
    desk = reception("corp-small")
    visit = in_transaction(desk)
    whys = [desk.recipient(visit, f"inbox{n}@corp-small.example", 0).why for n in range(7)]
    assert whys == ["recipient"] * 5 + ["too_many_recipients"] * 2


def test_messages_beyond_the_limit_of_a_connection_close_it() -> None:
    desk = reception("corp-small")
    visit = arrived(desk)
    for _ in range(3):
        assert desk.sender(visit, "", 0).why == "sender"
        assert desk.message(visit, b"", None).why == "accepted"
    response = desk.sender(visit, "", 0)
    assert (response.why, response.closes) == ("too_many_messages", True)
    assert desk.sender(arrived(desk), "", 0).why == "sender"


def test_connections_beyond_the_limit_are_refused_until_one_leaves() -> None:
    desk = reception("corp-small")
    visits = [desk.arrive(CLIENT, "h") for _ in range(3)]
    assert [response.why for _, response in visits] == ["welcome", "welcome", "too_many_connections"]
    assert desk.arrive("127.0.0.2", "h")[1].why == "welcome"
    for visit, _ in visits:
        desk.leave(visit)
    assert desk.arrive(CLIENT, "h")[1].why == "welcome"


def test_a_rate_limit_is_for_one_client_and_recovers_within_the_minute() -> None:
    desk = reception("yahoo")
    limit = PROVIDERS["yahoo"].messages_per_minute
    visits = [arrived(desk) for _ in range(2)]
    visits[1].client = "127.0.0.2"
    assert [desk.sender(visits[0], "", 0).why for _ in range(limit)] == ["sender"] * limit
    refusal = desk.sender(visits[0], "", 0)
    assert (refusal.why, refusal.closes) == ("too_fast", True)
    assert str(refusal.reply).startswith("421 4.7.0 [TSS04] Messages from 127.0.0.1 temporarily deferred")
    assert desk.sender(visits[1], "", 0).why == "sender"
    assert [desk.sender(visits[0], "", 1).why for _ in range(limit // 60 + 1)].count("sender") == limit // 60
    desk.leave(visits[0])


@pytest.mark.parametrize(
    ("provider", "why", "code", "closes"),
    [
        ("gmail", "welcome", 220, False),
        ("corp-refusing", "refused", 554, True),
        ("corp-busy", "busy", 421, True),
        ("corp-silent", "silent", None, False),
    ],
)
def test_greetings(provider: str, why: str, code: int | None, closes: bool) -> None:
    _, response = reception(provider).arrive(CLIENT, "h")
    assert (response.why, response.reply and response.reply.code, response.closes) == (why, code, closes)


def test_tls_is_demanded_where_the_provider_says_so() -> None:
    desk = reception("corp-tlsonly")
    visit = arrived(desk)
    visit.tls = False
    assert str(desk.sender(visit, "", 0).reply).startswith("530 5.7.0")
    visit.tls = True
    assert desk.sender(visit, "", 0).why == "sender"


@pytest.mark.parametrize(
    ("recipients", "why", "delay"),
    [
        (["inbox"], "accepted", 0.0),
        (["slow"], "accepted", SLOW),
        (["inbox", "spam"], "spam", 0.0),
        (["lost"], "lost", 0.0),
    ],
)
def test_what_is_said_after_the_message(recipients: list[str], why: str, delay: float) -> None:
    desk = reception("corp-postfix")
    visit = in_transaction(desk)
    for local in recipients:
        assert desk.recipient(visit, f"{local}@corp-postfix.example", 0).why == "recipient"
    response = desk.message(visit, b"", None)
    assert (response.why, response.delay) == (why, delay)
    desk.sender(visit, "", 0)
    assert desk.message(visit, b"", None).why == "accepted"


def test_hangup_ends_the_connection_without_a_word() -> None:
    desk = reception("corp-postfix")
    response = desk.recipient(in_transaction(desk), "hangup@corp-postfix.example", 0)
    assert (response.reply, response.closes) == (None, True)


def test_eight_bits_are_refused_where_only_seven_are_known() -> None:
    desk = reception("corp-ascii")
    assert desk.message(in_transaction(desk), "ü".encode(), None).why == "eight_bit"
    assert desk.message(in_transaction(desk), b"u", None).why == "accepted"


def checked(*, spf: str = "fail", dkim: str = "fail", aligned: bool = False, policy: str = "") -> Authentication:
    signatures = (Verified(dkim, "acme.example"),) if dkim != "none" else ()
    dmarc = "none" if not policy else "pass" if aligned else "fail"
    return Authentication(spf, "acme.example", "", signatures, dmarc, policy, "acme.example", aligned)


@pytest.mark.parametrize(
    ("provider", "authentication", "why"),
    [
        ("gmail", checked(), "unauthenticated"),
        ("gmail", checked(spf="pass"), "accepted"),
        ("gmail", checked(dkim="pass"), "accepted"),
        ("gmail", checked(dkim="pass", policy="reject"), "dmarc_failed"),
        ("gmail", checked(dkim="pass", policy="none"), "accepted"),
        ("gmail", checked(dkim="pass", policy="reject", aligned=True), "accepted"),
        ("gmail", checked(spf="softfail", dkim="none"), "unauthenticated"),
        ("outlook", checked(spf="pass", dkim="pass"), "unauthenticated"),
        ("outlook", checked(spf="pass", dkim="pass", aligned=True), "accepted"),
        ("outlook", checked(dkim="pass", aligned=True), "unauthenticated"),
        ("corp-postfix", checked(policy="reject"), "accepted"),
    ],
)
def test_what_authentication_is_worth(provider: str, authentication: Authentication, why: str) -> None:
    desk = reception(provider)
    assert desk.message(in_transaction(desk), b"", authentication).why == why


@pytest.mark.parametrize(
    ("sender", "why"),
    [("a@gone.example", "sender_unresolvable"), ("a@here.example", "sender"), ("", "sender")],
)
def test_a_sender_nobody_could_answer_is_put_off(sender: str, why: str) -> None:
    def lookup(name: str, kind: str) -> Answer:
        return Answer("found", ("127.0.0.1",)) if (name, kind) == ("here.example", "A") else Answer("nxdomain")

    desk = reception("yahoo", lookup=lookup)
    assert desk.sender(arrived(desk), sender, 0).why == why


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[replies", "Expected ']'"),
        ("[replies]\nfull = 'no'\n[[provider]]", "missing required field"),
        ("provider = []\n[replies]\nfull = 'no code'", "does not begin with a reply code"),
        ("provider = []\n[replies]\nfull = '452 {who}'", "names who, which nobody fills in"),
        ("provider = []\n[replies]\nfull = '452 {'", "a brace without"),
        ("provider = []\nprovidr = 1\n[replies]", "unknown field `providr`"),
    ],
)
def test_a_catalogue_with_a_mistake_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(text)
    assert problem in str(refused.value)


def test_a_company_has_its_mail_where_its_mx_leads() -> None:
    def lookup(name: str, kind: str) -> Answer:
        hosts = {"maker.example": "alt1.gmail-smtp-in.l.gmail.example", "other.example": "mx.hosted.example"}
        return Answer("found", (hosts[name],)) if (name, kind) in {(n, "MX") for n in hosts} else Answer("nxdomain")

    desk = reception("gmail", lookup=lookup)
    visit = in_transaction(desk)
    whys = [desk.recipient(visit, f"inbox@{domain}.example", 0.0).why for domain in ("maker", "other", "nobody")]
    assert whys == ["recipient", "relay_denied", "relay_denied"]


def test_who_accepts_first_takes_those_who_do_not_exist_and_remembers_them_for_later() -> None:
    desk = reception("corp-late")
    visit = in_transaction(desk)
    assert desk.recipient(visit, "unknown@corp-late.example", 0.0).why == "recipient"
    assert desk.recipient(visit, "inbox@corp-late.example", 0.0).why == "recipient"
    assert (visit.recipients, visit.late) == (["inbox@corp-late.example"], ["unknown@corp-late.example"])
    assert desk.message(visit, b"", None).why == "accepted"


OBJECTIONS = {"rationed": 4, "put_off": 4, "blocked_ip": 5, "blocked_domain": 5}


@pytest.mark.parametrize("name", [name for name, provider in PROVIDERS.items() if provider.reputation])
def test_reputation_is_told_in_the_words_of_the_provider(name: str) -> None:
    said = {why: CATALOGUE.wordings[name][why] for why in OBJECTIONS}
    assert {why: wording.code // 100 for why, wording in said.items()} == OBJECTIONS


@pytest.mark.parametrize(("complaints", "why"), [(0, "sender"), (2, "sender"), (60, "blocked_ip")])
def test_an_address_with_a_bad_name_is_turned_away_at_mail(complaints: int, why: str) -> None:
    lines = PROVIDERS["gmail"].reputation
    assert lines is not None
    residents = Residents("gmail", "s", AddressBook(), Pace(0.0), reputations=Reputations(lines))
    for _ in range(complaints):
        residents.reputations.acted([("ip", CLIENT)], Act.COMPLAINED, 0.0)  # type: ignore[union-attr]
    desk = Reception(PROVIDERS["gmail"], CATALOGUE.wordings["gmail"], residents, patience=0.0, lookup=None)
    response = desk.sender(arrived(desk), "a@acme.example", 0.0)
    assert response.why == why


def test_a_domain_with_a_bad_name_is_turned_away_after_the_message() -> None:
    residents = Residents("outlook", "s", AddressBook(), Pace(0.0), reputations=Reputations(Lines()))
    keys: list[Key] = [("ip", CLIENT), ("domain", "pitch.example")]
    for _ in range(50):
        residents.reputations.acted(keys[1:], Act.COMPLAINED, 0.0)  # type: ignore[union-attr]
    desk = Reception(PROVIDERS["outlook"], CATALOGUE.wordings["outlook"], residents, patience=0.0, lookup=None)
    response = desk.message(in_transaction(desk), b"", None, keys, 0.0)
    assert response.why == "blocked_domain" and "pitch.example" in str(response.reply)
