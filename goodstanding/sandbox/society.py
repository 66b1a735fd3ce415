"""What can be asked of the people of the sandbox and of the providers' memory, and what the answers look like."""

from __future__ import annotations

from typing import Literal

import msgspec

from goodstanding.sandbox.relations import Relation


class AddRelations(msgspec.Struct, tag_field="ask", tag="add-relations"):
    """Declare who knows whom; whoever is not declared is a stranger."""

    relations: list[Relation]


class RegisterFeedback(msgspec.Struct, tag_field="ask", tag="register-feedback"):
    """Sign up for a provider's complaint reports, as senders do with their addresses or domains."""

    provider: str
    """Name, or ``*``: every provider that reports by such a key."""
    key: str
    """``ip:127.0.1.1`` or ``domain:shop.example`` (organisational)."""
    address: str
    """Where reports go."""
    host: str = ""
    """Empty: the MX of the address's domain."""
    port: int = 0
    """0: the port all mail of the sandbox goes to."""


class Establish(msgspec.Struct, tag_field="ask", tag="establish"):
    """Give identities a past of wanted mail, as if they had sent it for days."""

    keys: list[str]
    days: float
    per_day: float
    """Recipients a day at each provider."""
    provider: str = "*"


class GetReputation(msgspec.Struct, tag_field="ask", tag="reputation"):
    """What providers think of a provider's, address's or domain's mail; of all when ``where`` is empty."""

    where: str = ""


class ListCopies(msgspec.Struct, tag_field="ask", tag="mailbox"):
    """Where copies were put and what became of them, newest first; by provider, recipient, domain or From."""

    where: str = ""
    limit: int = 50


SocietyRequest = AddRelations | RegisterFeedback | Establish | GetReputation | ListCopies


class Opinion(msgspec.Struct, frozen=True):
    """What one provider thinks of one identity."""

    provider: str
    key: str
    grade: Literal["high", "medium", "low", "bad"]
    complaint_rate: float
    """As the provider reckons it: weighted, with a prior."""
    unknown_rate: float
    engaged: float
    """Share of inbox mail that is opened or answered."""
    filtered: float
    """Share of accepted mail that is not in the inbox."""
    colour: Literal["green", "yellow", "red"]
    """The same as Microsoft's SNDS shows it."""
    messages: float
    """In the inbox, faded with time."""
    complaints: float
    """Faded with time."""
    ration: float | None
    """Recipients a day; none: as many as it likes."""
    totals: dict[str, int]
    """Ever: ``inbox``, ``junk``, ``dropped``, ``rationed``, ``put_off``, ``blocked_ip``, ``blocked_domain``,
    ``unknown`` and every act."""


class Deed(msgspec.Struct, frozen=True):
    """Something that somebody did."""

    act: str
    after: float
    """Seconds of the sandbox's time since the message arrived."""
    outcome: str = ""
    """What became of the report, answer or POST it caused."""


class CopyStatus(msgspec.Struct):
    """One recipient's copy of an accepted message."""

    mail: str
    """Id of the mail on the shelf."""
    provider: str
    recipient: str
    client: str
    from_address: str
    subject: str
    message_id: str
    expectation: str
    placement: str
    at: float
    """Second on the clock it arrived."""
    deeds: list[Deed] = []

    def concerns(self, where: str) -> bool:
        """Whether a provider, recipient, domain of either, From address or mail id names this copy."""
        recipient, sender = self.recipient.lower(), self.from_address.lower()
        domains = (recipient.rpartition("@")[2], sender.rpartition("@")[2])
        return where in ("", self.provider, self.mail, recipient, sender, *domains)
