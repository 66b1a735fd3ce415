"""What a refusal means: a class, whether it is hard, how far the blame reaches. Rules are data: `bounce_rules.toml`.

Used for live replies and for those that bounces quote. Enhanced codes, basic codes and words contradict each other
every day, so the order is: words that say something, codes that mean one thing, vague words, the subject of the
enhanced code, basic codes. When in doubt it is soft: a false hard bounce costs somebody their mail.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import NamedTuple, cast

from msgspec import Struct

from goodstanding.delivery.phrases import Phrases, normalised
from goodstanding.model import BounceClass, Reach, Reply


class Meaning(NamedTuple):
    """What usually follows from a class."""

    hard: bool
    """The recipient takes no mail, and will not: the only reason to suppress."""
    reach: Reach


MEANINGS: dict[BounceClass, Meaning] = {
    BounceClass.NO_SUCH_USER: Meaning(True, "recipient"),
    BounceClass.MOVED: Meaning(True, "recipient"),
    BounceClass.DOMAIN_GONE: Meaning(True, "recipient"),
    BounceClass.MAILBOX_FULL: Meaning(False, "recipient"),
    BounceClass.MAILBOX_DISABLED: Meaning(False, "recipient"),
    BounceClass.RESTRICTED: Meaning(False, "recipient"),
    BounceClass.SUPPRESSED: Meaning(False, "recipient"),
    BounceClass.REPUTATION: Meaning(False, "lane"),
    BounceClass.AUTHENTICATION: Meaning(False, "message"),
    BounceClass.RATE_LIMIT: Meaning(False, "lane"),
    BounceClass.GREYLISTED: Meaning(False, "recipient"),
    BounceClass.POLICY: Meaning(False, "message"),
    BounceClass.CONTENT: Meaning(False, "message"),
    BounceClass.TOO_LARGE: Meaning(False, "message"),
    BounceClass.RELAYING_DENIED: Meaning(False, "host"),
    BounceClass.PROTOCOL: Meaning(False, "message"),
    BounceClass.NETWORK: Meaning(False, "host"),
    BounceClass.SYSTEM: Meaning(False, "host"),
    BounceClass.EXPIRED: Meaning(False, "host"),
    BounceClass.LOOP: Meaning(False, "recipient"),
    BounceClass.UNDETERMINED: Meaning(False, "message"),
}
"""Every class has its line: `docs/feedback.md` is written from it."""


class Classified(NamedTuple):
    """What one refusal means."""

    klass: BounceClass
    hard: bool
    reach: Reach


AFTER_DATA = frozenset(("data", "body", "final"))
"""Stages at which the recipient had been taken: who is called unknown only now, by words alone, may just filter."""

NOT_LOCAL = 551
"""RFC 5321 §3.4: nobody of this name here. Permanent whatever enhanced code it comes with, as it means nothing else."""

_NOTHING_SENT = frozenset((BounceClass.POLICY, BounceClass.CONTENT, BounceClass.RESTRICTED))
"""Classes that a greeting cannot mean as it says: neither a message nor a recipient is known to it."""

_STRONGER = frozenset(
    (
        BounceClass.MAILBOX_FULL, BounceClass.REPUTATION, BounceClass.AUTHENTICATION, BounceClass.RATE_LIMIT,
        BounceClass.TOO_LARGE, BounceClass.LOOP, BounceClass.RESTRICTED, BounceClass.POLICY,
        BounceClass.MOVED,
    )
)  # fmt: skip
"""Classes which, when an enhanced code names them, are not overruled by the words of a hard class."""


_SURE = frozenset((BounceClass.AUTHENTICATION, BounceClass.REPUTATION, BounceClass.RATE_LIMIT, BounceClass.RESTRICTED))
"""Classes of codes that mean one thing."""


_ROUGH = frozenset((BounceClass.SYSTEM, BounceClass.PROTOCOL, BounceClass.MAILBOX_FULL, BounceClass.UNDETERMINED))
"""Classes of basic codes that are used for anything: the subject of an enhanced code tells more."""

_WITHIN = re.compile(r"(?:^|[#(\[]|: )([45]\.\d{1,3}\.\d{1,3})(?![\w.])")
"""An enhanced code further on in a reply: qmail's ``(#5.1.1)``, or one that was passed on."""


class Rule(Struct, frozen=True, gc=False):
    """One entry of the rules: phrases that tell a class."""

    klass: BounceClass
    phrases: tuple[str, ...]
    reach: Reach
    example: str
    why: str
    vague: bool = False
    when: frozenset[str] = frozenset()
    """Subjects and details of enhanced codes, only with one of which it holds; empty: always."""


class Coded(NamedTuple):
    """What an enhanced code tells."""

    klass: BounceClass
    reach: Reach


class Wording:
    """Rules in their order; immutable."""

    __slots__ = ("_conditional", "_phrases", "rules")

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._phrases = Phrases(*[rule.phrases for rule in rules])
        self._conditional = tuple((n, rule.when) for n, rule in enumerate(rules) if rule.when)

    def first(self, text: str, detail: str = "") -> Rule | None:
        """The first rule with a phrase in a `normalised` text, said with an enhanced code of this detail."""
        without = frozenset([n for n, when in self._conditional if detail not in when])
        found = self._phrases.first(text, without)
        return self.rules[found] if found is not None else None


class Rules(NamedTuple):
    """The whole of `bounce_rules.toml`."""

    telling: Wording
    vague: Wording
    enhanced: dict[str, Coded]
    """By subject and detail: ``1.1``."""
    subject: dict[str, Coded]
    """By class and subject: ``5.1``."""
    basic: dict[int, BounceClass]


def classify_reply(reply: Reply, stage: str = "") -> Classified:
    """What a refusal means; ``stage`` is the command it answered, where that is known (`NetworkFailure.stage`)."""
    rules = loaded()
    text = normalised(reply.text)
    reply = with_code(reply)
    detail = reply.enhanced[2:]
    worded = rules.telling.first(text, detail)
    coded = rules.enhanced.get(detail)
    if worded is not None and coded is not None and _about_a_mailbox(coded, detail) and worded.reach == "lane":
        return Classified(worded.klass, False, "recipient")  # it names a mailbox and blames us: neither is to suffer
    if worded is not None and coded is not None and worded.klass is BounceClass.POLICY and coded.klass in _SURE:
        return _classified(coded.klass, coded.reach, reply, stage)  # words that name a rule, a code that says which
    if worded is not None and not (MEANINGS[worded.klass].hard and coded is not None and coded.klass in _STRONGER):
        return _classified(worded.klass, worded.reach, reply, stage)
    if coded is not None:
        return _classified(coded.klass, coded.reach, reply, stage)
    vague = rules.vague.first(text)
    if vague is not None:
        return _classified(vague.klass, vague.reach, reply, stage)
    by_number = _by_number(reply)
    return _classified(by_number.klass, by_number.reach, reply, stage)._replace(hard=False)  # condemns nobody


def with_code(reply: Reply) -> Reply:
    """The reply with the enhanced code that stands within its words, where it has none in its place."""
    if reply.enhanced:
        return reply
    found = _WITHIN.search(reply.text)
    return reply if found is None or found[1][0] != str(reply.code)[0] else Reply(reply.code, found[1], reply.text)


def _by_number(reply: Reply) -> Coded:
    """What numbers alone tell."""
    rules = loaded()
    basic = rules.basic.get(reply.code, BounceClass.UNDETERMINED)
    subject = rules.subject.get(reply.enhanced[:3])
    return subject if subject is not None and basic in _ROUGH else Coded(basic, MEANINGS[basic].reach)


def _about_a_mailbox(coded: Coded, detail: str) -> bool:
    return detail[:2] in ("1.", "2.") and coded.reach == "recipient"


def classify_words(text: str) -> Classified | None:
    """What words mean that come without any code; None when they say nothing."""
    rules = loaded()
    line = normalised(text)
    found = rules.telling.first(line) or rules.vague.first(line)
    return Classified(found.klass, MEANINGS[found.klass].hard, found.reach) if found is not None else None


def _classified(klass: BounceClass, reach: Reach, reply: Reply, stage: str) -> Classified:
    meaning = MEANINGS[klass]
    if stage == "mail" and meaning.hard:  # the recipient had not been named yet
        return Classified(BounceClass.POLICY, False, "message")
    if stage == "greeting" and klass in _NOTHING_SENT:
        return Classified(BounceClass.REPUTATION, False, "lane")  # whatever its words: not to you
    coded = loaded().enhanced.get(reply.enhanced[2:])
    late = stage in AFTER_DATA and (coded is None or coded.klass is not klass)
    for_good = reply.permanent and (reply.code == NOT_LOCAL or not reply.enhanced.startswith("4")) and not late
    if klass is BounceClass.UNDETERMINED and stage == "rcpt":
        reach = "recipient"
    if klass is BounceClass.DOMAIN_GONE and not for_good:  # a look-up that may go better next time
        return Classified(BounceClass.NETWORK, False, "host")
    return Classified(klass, meaning.hard and for_good, reach)


# --- the rules as they lie in the file -------------------------------------------------------------------------------


@cache
def loaded() -> Rules:
    """The rules of this release, compiled once."""
    return compiled(resources.files("goodstanding.delivery").joinpath("bounce_rules.toml").read_text("utf-8"))


def compiled(source: str) -> Rules:
    """Rules from the text of a file; a mistake in it is ours, and raises."""
    table = tomllib.loads(source)
    rules = [_rule(entry) for entry in table["wording"]]
    return Rules(
        telling=Wording(tuple(rule for rule in rules if not rule.vague)),
        vague=Wording(tuple(rule for rule in rules if rule.vague)),
        enhanced={detail: _coded(words) for codes, words in table["enhanced"].items() for detail in code_range(codes)},
        subject={
            f"{which}{subject[1:]}": _coded(words)
            for subject, words in table.get("subject", {}).items()
            for which in (subject[0].replace("x", "45"))
        },
        basic={int(code): BounceClass(klass) for code, klass in table["basic"].items()},
    )


def _rule(entry: dict[str, object]) -> Rule:
    klass = BounceClass(str(entry["class"]))
    phrases = tuple(cast(list[str], entry["phrases"]))
    reach = cast(Reach, entry.get("reach", MEANINGS[klass].reach))
    when = frozenset(detail for codes in cast(list[str], entry.get("when", [])) for detail in code_range(codes))
    return Rule(klass, phrases, reach, str(entry["example"]), str(entry["why"]), bool(entry.get("vague")), when)


def _coded(words: str) -> Coded:
    """``authentication``, or ``authentication lane`` where the reach differs from that of the class."""
    klass, _, reach = words.partition(" ")
    return Coded(BounceClass(klass), cast(Reach, reach) if reach else MEANINGS[BounceClass(klass)].reach)


def code_range(codes: str) -> list[str]:
    """``x.7.20-x.7.27`` as every detail it names; a single code as itself."""
    first, _, last = codes.partition("-")
    subject, _, low = first.removeprefix("x.").partition(".")
    high = last.rpartition(".")[2] or low
    return [f"{subject}.{number}" for number in range(int(low), int(high) + 1)]
