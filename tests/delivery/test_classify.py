"""What refusals mean: the linter of the rules, whom they blame, and that nothing is slow."""

import time
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.delivery.classify import (
    MEANINGS,
    NOT_LOCAL,
    Rule,
    Wording,
    classify_reply,
    code_range,
    compiled,
    loaded,
)
from goodstanding.delivery.phrases import GAP, Phrases, normalised, unmarked
from goodstanding.model import BounceClass, Reply, parse_reply

RULES = [(wording, rule) for wording in (loaded().telling, loaded().vague) for rule in wording.rules]
PHRASES = [(wording, rule, phrase) for wording, rule in RULES for phrase in rule.phrases]


# --- the linter: `bounce_rules.toml` may be changed by anybody who keeps these ----------------------------------------


def lint(wording: Wording, rule: Rule) -> list[str]:
    """What is wrong with a rule: its example or one of its phrases is not matched, or an earlier rule comes first."""
    detail = next(iter(rule.when), "")
    probes = {f"example {rule.example!r}": normalised(rule.example)}
    probes |= {f"phrase {phrase!r}": unmarked(phrase.replace(" * ", " x ").replace("*", "")) for phrase in rule.phrases}
    found = {what: wording.first(text, detail) for what, text in probes.items()}
    return [f"{what} is {hit.klass if hit else None}" for what, hit in found.items() if hit is not rule]


@pytest.mark.parametrize(("wording", "rule"), RULES, ids=[f"{n}-{rule.klass}" for n, (_, rule) in enumerate(RULES)])
def test_every_rule_matches_its_own_example_and_no_earlier_rule_shadows_it(wording: Wording, rule: Rule) -> None:
    assert lint(wording, rule) == []


def test_the_linter_finds_a_shadowed_phrase_and_an_example_that_does_not_match() -> None:
    rules = compiled(
        "[enhanced]\n[basic]\n"
        '[[wording]]\nclass = "content"\nphrases = ["spam"]\nexample = "what is that"\nwhy = "x"\n'
        '[[wording]]\nclass = "policy"\nphrases = ["spam policy"]\nexample = "our spam policy"\nwhy = "x"\n'
    )
    first, second = rules.telling.rules
    assert lint(rules.telling, first) == ["example 'what is that' is None"]
    assert lint(rules.telling, second) == [
        "example 'our spam policy' is content",
        "phrase 'spam policy' is content",
    ]


def test_every_rule_says_why() -> None:
    assert all(rule.why and rule.example for _, rule in RULES)


def test_no_phrase_is_written_twice() -> None:
    written = [(unmarked(phrase), tuple(sorted(rule.when))) for _, rule, phrase in PHRASES]
    assert len(set(written)) == len(written), sorted(one for one in written if written.count(one) > 1)


def test_phrases_are_written_as_replies_are_seen() -> None:
    assert [phrase for _, _, phrase in PHRASES if phrase != phrase.lower() or "  " in phrase or "@" in phrase[1:]] == []


def test_every_class_has_its_meaning_and_only_three_are_ever_hard() -> None:
    assert MEANINGS.keys() == set(BounceClass)
    hard = {klass for klass, meaning in MEANINGS.items() if meaning.hard}
    assert hard == {BounceClass.NO_SUCH_USER, BounceClass.MOVED, BounceClass.DOMAIN_GONE}
    assert all(MEANINGS[klass].reach == "recipient" for klass in hard)


def test_a_range_of_codes_names_each() -> None:
    assert code_range("x.7.20-x.7.22") == ["7.20", "7.21", "7.22"]
    assert code_range("x.1.1") == ["1.1"]


# --- whom they blame --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "stage", "expected"),
    [
        ("550 5.1.1 no such user", "rcpt", "no-such-user hard recipient"),
        ("550 User unknown", "rcpt", "no-such-user hard recipient"),
        ("450 4.1.1 User unknown, for now", "rcpt", "no-such-user soft recipient"),
        ("550 User unknown", "final", "no-such-user soft recipient"),
        ("550 5.1.1 User unknown", "final", "no-such-user hard recipient"),
        ("551 4.7.17 mailbox owner has changed", "", "moved hard recipient"),
        ("553 5.1.3 the address is not a valid RFC 5321 address", "rcpt", "no-such-user hard recipient"),
        ("550 5.1.6 the user has moved to lee@elsewhere.example", "rcpt", "moved hard recipient"),
        ("550 5.1.2 no such domain", "rcpt", "domain-gone hard recipient"),
        ("556 5.1.10 null MX", "rcpt", "domain-gone hard recipient"),
        ("450 4.4.4 no such host", "rcpt", "network soft host"),
        ("552 5.2.2 over quota", "rcpt", "mailbox-full soft recipient"),
        ("550 5.2.1 this account is disabled", "rcpt", "mailbox-disabled soft recipient"),
        ("550 5.7.1 Client host [192.0.2.1] blocked using list.example", "rcpt", "reputation soft lane"),
        ("550 user unknown; your IP is listed at list.example, blocked using it", "rcpt", "reputation soft lane"),
        ("550 5.1.1 user unknown (blocked using list.example)", "rcpt", "reputation soft recipient"),
        ("550 Kiwi (#5.1.1)", "rcpt", "no-such-user hard recipient"),
        ("550 Kiwi (#4.1.1)", "rcpt", "undetermined soft recipient"),
        ("550 5.7.1 Kiwi", "final", "policy soft message"),
        ("451 4.7.1 Kiwi", "rcpt", "policy soft message"),
        ("535 5.7.0 Kiwi", "mail", "authentication soft message"),
        ("550 5.1.0 Kiwi", "rcpt", "no-such-user soft recipient"),
        ("450 4.1.0 Kiwi", "rcpt", "undetermined soft recipient"),
        ("550 5.7.26 user unknown or unauthenticated", "final", "authentication soft message"),
        ("553 5.1.8 Domain of sender address a@b.example does not exist", "mail", "policy soft message"),
        ("550 unknown user", "mail", "policy soft message"),
        ("550 5.4.1 Recipient address rejected: Access denied", "rcpt", "no-such-user hard recipient"),
        ("550 5.7.1 Recipient address rejected: Access denied", "rcpt", "policy soft message"),
        ("554 5.7.1 looks like spam", "final", "content soft message"),
        ("552 5.3.4 message too large", "mail", "too-large soft message"),
        ("451 4.7.1 greylisted, come back in 5 minutes", "rcpt", "greylisted soft recipient"),
        ("421 4.7.0 too many connections from you", "greeting", "rate-limit soft lane"),
        ("450 4.2.1 the user is receiving mail at a rate that is too high", "rcpt", "rate-limit soft recipient"),
        ("550 5.7.1 relaying denied", "rcpt", "relaying-denied soft host"),
        ("554 5.4.6 too many hops", "final", "loop soft recipient"),
        ("550 5.7.133 not authorized to send to this group", "rcpt", "restricted soft recipient"),
        ("554 rejected", "greeting", "reputation soft lane"),
        ("554 blocked for spam", "greeting", "reputation soft lane"),
        ("550 5.7.1 Sender domain fails DMARC", "mail", "authentication soft message"),
        ("550 5.7.30 the sender's domain did not sign it", "data", "authentication soft message"),
        ("550 your host is not welcome", "rcpt", "reputation soft lane"),
        ("550 denied; ask your system administrator", "rcpt", "policy soft message"),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuth; authentication required", "rcpt", "restricted soft recipient"),
        ("550 5.2.3 RESOLVER.RST.SizeLimit; message too large", "rcpt", "too-large soft message"),
        ("550 5.1.1 Absender unbekannt", "mail", "policy soft message"),
        ("451 4.3.0 temporary system problem", "final", "system soft host"),
        ("554 5.4.7 in the queue too long", "", "expired soft host"),
        ("550", "rcpt", "undetermined soft recipient"),
        ("521", "rcpt", "domain-gone soft recipient"),
    ],
)  # fmt: skip
def test_the_right_party_is_blamed(reply: str, stage: str, expected: str) -> None:
    klass, hard, reach = classify_reply(parse_reply(reply), stage)
    assert f"{klass} {'hard' if hard else 'soft'} {reach}" == expected


NOT_THE_RECIPIENT = [
    "550 Il record PTR non è presente",
    "550 Absenderadresse nicht bekannt",
    "550 Avsändaren är okänd mottagare",
    "550 Reverse-DNS nicht gefunden",
    "550 Der Absender ist uns nicht bekannt",
    "550 Le domaine de l'expéditeur n'existe pas",
    "550 L'adresse de l'expéditeur n'existe pas",
    "550 El remitente no existe",
    "550 La dirección del remitente no existe",
    "550 O remetente não existe",
    "550 Il mittente non è presente nei nostri archivi",
    "550 Dominio del mittente non trovato",
    "550 De afzender is niet bekend",
    "550 Nadawca nieznany",
    "550 Adres nadawcy nie istnieje",
    "550 Отправитель не найден",
    "550 Адрес отправителя не существует",
    "550 Домен отправителя не существует",
    "550 发件人地址不存在",
    "550 发件人域名不存在",
    "550 送信元アドレスが見つかりません",
    "550 送信元ドメインが存在しません",
    "550 발신자가 존재하지 않습니다",
    "550 Gönderen bulunamadı",
    "550 Ο αποστολέας είναι άγνωστος",
    "550 Lähettäjä tuntematon",
    "550 Avsenderen finnes ikke",
    "550 Odesílatel neexistuje",
    "550 A feladó ismeretlen",
    "550 Tu IP no se encuentra en la lista blanca",
    "550 Votre serveur est inconnu, connexion refusée",
    "550 Ihr Server ist unbekannt",
    "550 Ihr Rechner wurde im DNS nicht gefunden",
    "550 client host not registered, unknown client",
    "550 Message-ID nicht vorhanden",
    "550 Betreff nicht vorhanden",
    "550 DKIM-Signatur nicht gefunden",
    "550 l'enregistrement SPF n'existe pas",
    "550 SPF レコードが見つかりません",
    "550 HELO-Name unbekannt",
    "550 nom HELO inconnu",
]
"""What is not known is a sender, a host or a record of ours."""


@pytest.mark.parametrize("reply", NOT_THE_RECIPIENT)
def test_an_unknown_sender_or_host_costs_no_recipient_in_any_tongue(reply: str) -> None:
    assert not classify_reply(parse_reply(reply), "rcpt").hard


@pytest.mark.fuzz
@given(st.integers(400, 599), st.sampled_from(["", "5.1.1", "4.2.2", "5.7.1", "5.999.999"]), st.text(max_size=300))
def test_any_reply_has_a_class_and_hard_is_for_permanent_refusals_of_recipients(
    code: int, enhanced: str, text: str
) -> None:
    klass, hard, reach = classify_reply(Reply(code, enhanced, text))
    assert klass in BounceClass
    permanent = code == NOT_LOCAL or (code >= 500 and not enhanced.startswith("4"))
    assert not hard or (permanent and reach == "recipient")


def test_a_basic_code_alone_condemns_nobody() -> None:
    assert not any(classify_reply(Reply(code), stage).hard for code in range(400, 600) for stage in ("", "rcpt"))


# --- phrases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("user unknown", "the user unknown to us", True),
        ("user unknown", "superuser unknown", False),
        ("*user unknown", "superuser unknown", True),
        ("greylist*", "you are greylisted", True),
        ("user * unknown", "user @ is unknown", True),
        ("user * unknown", "user unknown", True),
        ("user * unknown", "user " + "x" * (GAP + 2) + " unknown", False),
        ("spam *", "spam was found", True),
        ("rbl", "marble", False),
    ],
)
def test_what_a_phrase_finds(phrase: str, text: str, found: bool) -> None:
    assert Phrases([phrase]).are_in(text) is found


def test_texts_are_seen_without_case_spaces_and_addresses() -> None:
    assert normalised("550 <Kim@Dest.example>...  User\r\n unknown") == "550 @... user unknown"
    assert normalised("Boîte SATURÉE, Empfänger, użytkownik, メール") == "boite saturee, empfanger, uzytkownik, メール"


@pytest.mark.parametrize("text", ["user " * 400, "user unknown " * 150, "*" * 2_000, "a@b.c " * 300, "quota x" * 280])
def test_no_text_is_slow(text: str) -> None:
    begun = time.process_time()
    for _ in chain(range(20)):
        classify_reply(Reply(550, "", text))
    assert time.process_time() - begun < 1
