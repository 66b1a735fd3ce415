"""The people of one provider: where their mail is put, and what they will do with it. Pure; `aftermath` acts it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from goodstanding.sandbox.authentication import Authentication
from goodstanding.sandbox.behaviour import (
    Act,
    BehaviourSettings,
    Expectation,
    Letter,
    Past,
    Pasts,
    Placement,
    Reaction,
    draws,
    react,
    remember,
)
from goodstanding.sandbox.pace import Pace
from goodstanding.sandbox.placement import Arriving, Grade, Key, Objection, Reputations, place
from goodstanding.sandbox.relations import AddressBook, Traits, organisation


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's copy of an accepted message, and what its owner will do with it."""

    mail: str
    """Id of the mail on the shelf."""
    recipient: str
    traits: Traits
    client: str
    sender: str
    """Return path."""
    keys: tuple[Key, ...]
    """Whose reputation it touches."""
    at: float
    """Second of the sandbox's time it arrived."""
    expectation: Expectation
    placement: Placement
    plan: tuple[Reaction, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message a provider has just said 250 to."""

    mail: str
    client: str
    sender: str
    recipients: tuple[str, ...]
    traits: Traits
    keys: tuple[Key, ...]
    body: str
    """Hash of the message, for those without a Message-ID."""
    quiet: bool = False
    """Nobody acts on it: a machine wrote it about other mail, or it comes from within the sandbox."""


def keys_of(client: str, checked: Authentication | None, from_domain: str) -> tuple[Key, ...]:
    """Whose reputation a message touches: its client, and every domain that is proved to stand behind it.

    A From domain that nothing proves is not held to account: anybody could have written it. Where senders are not
    checked at all it is believed.
    """
    domains = [from_domain]
    if checked is not None:
        domains = [signature.domain for signature in checked.signatures if signature.result == "pass"]
        domains += [checked.spf_domain] * (checked.spf == "pass") + [checked.from_domain] * checked.aligned
    found = dict.fromkeys(organisation(domain) for domain in domains if domain)
    return (("ip", client), *(("domain", name) for name in found))


def keys_at_the_door(client: str, sender: str) -> tuple[Key, ...]:
    """The same as far as it is known before the message."""
    domain = organisation(sender.rpartition("@")[2])
    return (("ip", client), ("domain", domain)) if domain else (("ip", client),)


@dataclass(slots=True)
class Residents:
    """Everybody who has a mailbox at one provider; every method takes the second on the clock."""

    provider: str
    seed: str
    book: AddressBook
    pace: Pace
    settings: BehaviourSettings = BehaviourSettings()
    reputations: Reputations | None = None
    """None: this provider keeps none, and puts everything into the inbox."""
    pasts: Pasts = field(default_factory=Pasts)

    def greet(self, client: str, now: float) -> Objection:
        """What is held against a client at MAIL."""
        return self._asked([("ip", client)], 1, now)

    def admit(self, keys: Sequence[Key], recipients: int, now: float) -> Objection:
        """What is held against a whole message; of clients that have been let in already."""
        return self._asked(keys, recipients, now)

    def unknown_user(self, keys: Sequence[Key], now: float) -> None:
        """Somebody was written to who is not here."""
        if self.reputations is not None:
            self.reputations.unknown_user(keys, self.pace.sandbox_time(now))

    def take(self, accepted: Accepted, now: float) -> list[Copy]:
        """Put every copy somewhere and decide what becomes of it."""
        moment, grade = self.pace.sandbox_time(now), Grade.HIGH
        if self.reputations is not None and not accepted.quiet:
            grade = self.reputations.grade(accepted.keys, moment)
        return [self._copy(accepted, recipient, grade, moment) for recipient in accepted.recipients]

    def acted(self, copy: Copy, act: Act, now: float) -> None:
        """The moment of an act has come: the person and the provider remember it."""
        remember(self._past(copy.recipient, copy.traits), act)
        if self.reputations is not None:
            self.reputations.acted(copy.keys, act, self.pace.sandbox_time(now))

    def _asked(self, keys: Sequence[Key], recipients: int, now: float) -> Objection:
        if self.reputations is None:
            return ""
        moment = self.pace.sandbox_time(now)
        objection = self.reputations.door(keys, moment)
        if objection:
            self.reputations.refused(keys, objection, recipients, moment)
        return objection

    def _copy(self, accepted: Accepted, recipient: str, grade: Grade, moment: float) -> Copy:
        traits, person = accepted.traits, recipient.lower()
        expectation, past = self.book.expectation(person, traits), self._past(person, traits)
        draw = draws(self.seed, self.provider, person, traits.message_id or accepted.body)
        put: Placement = "inbox"
        plan: list[Reaction] = []
        if not accepted.quiet:
            if self.reputations is not None:
                put = place(Arriving(grade, expectation, past), self.reputations.lines, draw)
                self.reputations.placed(accepted.keys, put, moment)
            plan = react(Letter(expectation, traits.way_out.one_click), put, past, draw, self.settings)
        return Copy(
            mail=accepted.mail,
            recipient=recipient,
            traits=traits,
            client=accepted.client,
            sender=accepted.sender,
            keys=accepted.keys,
            at=moment,
            expectation=expectation,
            placement=put,
            plan=tuple(plan),
        )

    def _past(self, person: str, traits: Traits) -> Past:
        return self.pasts.of(person.lower(), traits.organisation)
