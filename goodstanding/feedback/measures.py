"""What a mailbox provider tells of an address or a domain by itself, not of one message: one value a key and a day."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Of = Literal["ip", "domain", "feedback-id"]
Filter = Literal["green", "yellow", "red", ""]


class Measure(Struct, frozen=True, kw_only=True, gc=False):
    """What one provider measured of one key on one day; what it does not tell is None or empty."""

    provider: Literal["google", "microsoft"]
    of: Of
    key: str
    """An IP address, a domain, or the identifier of a feedback loop (``Feedback-ID``)."""
    begin: float
    """Second the measured time begins."""
    end: float
    messages: int | None = None
    """Messages or recipients that the provider saw."""
    spam_rate: float | None = None
    """Fraction of delivered mail that people reported; where only a band is told, its upper end."""
    spam_rate_at_least: float | None = None
    """The lower end of the band; the same as `spam_rate` where the rate itself is told."""
    traps: int | None = None
    """Hits of spam traps."""
    verdict: Filter = ""
    """Filter result of SNDS: GREEN below 10 % spam verdicts, RED above 90 %."""
    authenticated: tuple[tuple[str, float], ...] = ()
    """Fraction that passed, by ``spf``, ``dkim``, ``dmarc``."""
    encrypted: float | None = None
    """Fraction that came over TLS."""
    errors: tuple[tuple[str, float], ...] = ()
    """Fraction of mail that met a delivery error, by its name."""
    notes: tuple[str, ...] = ()
    """Words of the provider that a person should see."""

    @property
    def told(self) -> str:
        """What is known, in a few words."""
        words: list[str] = [self.verdict] if self.verdict else []
        if self.spam_rate is not None:
            band = "at most " if self.spam_rate_at_least != self.spam_rate else ""
            words.append(f"spam rate {band}{self.spam_rate:.2%}")
        words += [f"{self.traps} trap hits"] if self.traps else []
        words += [f"{name} {rate:.1%}" for name, rate in (*self.authenticated, *self.errors)]
        return ", ".join(words) or "nothing told"


class Block(Struct, frozen=True, kw_only=True, gc=False):
    """A range of addresses that a provider says it blocks, throttles or finds ill behaved."""

    provider: Literal["microsoft"]
    first: str
    last: str
    blocked: bool
    because: str


class Compliance(Struct, frozen=True, kw_only=True, gc=False):
    """Whether a provider finds that a domain meets one of its requirements for senders."""

    provider: Literal["google"]
    domain: str
    requirement: str
    met: bool
    because: str = ""
