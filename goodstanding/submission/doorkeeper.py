"""Finds the facts about a message for one worker, and judges what needs no books.

The estate is in memory; people are read from the store, in the event loop where that is SQLite (some 50 µs), in a
thread where it is a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from msgspec import Struct, structs

from goodstanding.admission import addresses, reading, trust
from goodstanding.admission.claims import Claims, claims_of
from goodstanding.admission.decide import Verdict, decide, decide_recipient, decide_sender, refuses, reply_to_recipient
from goodstanding.admission.entries import Entry
from goodstanding.admission.facts import Content, Facts, Finding, RecipientFacts, SiteOpinion
from goodstanding.admission.senders import Premises, sender_facts
from goodstanding.model import Envelope, Identity, MessageId, Reply, Stream
from goodstanding.outside import Clock, Resolver
from goodstanding.store import people
from goodstanding.store.db import Database
from goodstanding.store.people import Known
from goodstanding.submission.letter import Letter, rewritten
from goodstanding.submission.site_policy import SitePolicy
from goodstanding.submission.tracking import Copy, tracked
from goodstanding.wire.address import as_ascii
from goodstanding.wire.list_unsubscribe import FIELDS, Token, fields, link, mailto, seal_token
from goodstanding.wire.message import HeaderFacts

READ_MOST = 256 * 1024
"""Octets of a message that admission looks at."""
TRACKED_MOST = 32 * 1024 * 1024
"""Octets of the copies of one submission up to which opens and clicks are tracked: each is held in memory."""
TOLD_WITH_THE_MESSAGE = frozenset({"no-permission", "objection", "role-address"})
"""Findings at RCPT that wait for the message: it may bring the permission or the trigger (X-Goodstanding-...)."""


class Examined(Struct, frozen=True, gc=False):
    """A message with its facts, judged as far as that goes without the books."""

    facts: Facts
    verdict: Verdict
    claims: Claims = Claims()

    def reasons(self) -> list[str]:
        """Why each recipient may be written to; who is a stranger was let in on the campaign's credit."""
        return [
            one.grant.because if one.proven else f"a stranger, within the trust budget: {one.grant.because}"
            for one in self.facts.recipients
        ]

    """What the message says of its recipients, to be recorded if it is accepted."""


@dataclass(slots=True)
class Doorkeeper:
    """Everything admission needs at the front door."""

    database: Database
    """For reading people; nobody else reads through it."""
    person_key: bytes
    token_key: bytes
    resolver: Resolver
    clock: Clock
    threads: Executor
    site: SitePolicy | None
    tracking_key: bytes = b""
    """Seals the tokens of open pictures and click links."""
    reasons_url: str = ""
    premises: Premises = field(default_factory=Premises)
    """Replaced when the estate changes."""

    # --- the return path, at MAIL ---

    def objection(self, identity: Identity, sender: str) -> Reply | None:
        """Why a return path is turned away before anything else comes; None: it may come."""
        premises = self.premises
        domain = premises.register.domain_of(as_ascii(sender.rpartition("@")[2]))
        found = decide_sender(identity, premises.terms(identity), sender, domain)
        return reply_to_recipient([found], self.reasons_url) if found is not None else None

    # --- one recipient, at RCPT ---

    def ask_at_once(self, identity: Identity, address: str) -> Known | None:
        """What is known of a recipient; None when finding out takes time. Raises StoreError."""
        if self.database.engine != "sqlite" or identity.stream is Stream.OUTREACH:
            return None
        return self._read(identity, [address])[0]

    async def ask(self, identity: Identity, asked: Sequence[str]) -> list[Known]:
        """What is known of recipients. Raises StoreError."""
        if self.database.engine == "sqlite":
            return self._read(identity, asked)
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._read, identity, asked)

    def _read(self, identity: Identity, asked: Sequence[str]) -> list[Known]:
        key, tenant = self.person_key, identity.tenant
        wanted = [(one, trust.person(key, tenant, one), trust.person(key, "", one)) for one in asked]
        with self.database.ask() if len(wanted) == 1 else self.database.read() as tx:
            return people.read(tx, tenant, identity.stream, wanted)

    async def null_mx(self, identity: Identity, domains: Sequence[str]) -> frozenset[str]:
        """Those of the domains that say they take no mail (RFC 7505); asked for outreach only."""
        if identity.stream is not Stream.OUTREACH:
            return frozenset()
        answers = await asyncio.gather(*(self.resolver.mx(domain) for domain in domains))
        return frozenset(name for name, answer in zip(domains, answers, strict=True) if answer.records == (".",))

    def welcome(self, identity: Identity, known: Known, null_mx: frozenset[str] = frozenset()) -> Reply | None:
        """Why a recipient is turned away before the message comes; None: it may come."""
        found = self.objections(identity, known, null_mx)
        return reply_to_recipient(found, self.reasons_url) if found else None

    def objections(self, identity: Identity, known: Known, null_mx: frozenset[str] = frozenset()) -> Sequence[Finding]:
        """The same as findings; none: it may come."""
        if not known.suppressions and identity.stream is not Stream.OUTREACH:
            return ()  # all that is left to find is told with the message
        terms, now = self.premises.terms(identity), self.clock.now()
        found = decide_recipient(identity, terms, _facts(known, (), null_mx, self.premises, identity, now), now)
        found = [finding for finding in found if finding.slug not in TOLD_WITH_THE_MESSAGE]
        return found if found and refuses(found, terms) else ()

    # --- the whole message ---

    async def examine(
        self,
        identity: Identity,
        envelope: Envelope,
        letter: Letter,
        found: HeaderFacts,
        signed_by: str,
        known: Sequence[Known] = (),
    ) -> Examined:
        """Its facts, and the verdict of every rule that needs no books. Raises StoreError."""
        now, premises = self.clock.now(), self.premises
        claims = claims_of(letter.block.fields, identity.stream, now)
        if len(known) != len(envelope.recipients):
            known = await self.ask(identity, [one.address for one in envelope.recipients])
        null_mx = await self.null_mx(identity, sorted({one.domain for one in envelope.recipients}))
        facts = Facts(
            identity=identity,
            terms=premises.terms(identity),
            sender=sender_facts(premises, identity, envelope.sender, letter.block, found, signed_by),
            content=self._content(identity, letter),
            recipients=tuple([_facts(one, claims.entries, null_mx, premises, identity, now) for one in known]),
            now=now,
            site=None,
        )
        if self.site is not None:
            facts = structs.replace(facts, site=await self._opinion(facts))
        verdict = decide(facts)
        if claims.findings:
            verdict = structs.replace(verdict, findings=(*verdict.findings, *claims.findings))
        return Examined(facts, verdict, claims)

    def _content(self, identity: Identity, letter: Letter) -> Content:
        content = reading.read(letter.block, letter.beginning(READ_MOST), letter.size)
        if self.adds_way_out(identity, letter):
            return structs.replace(content, one_click=bool(self.premises.ways_out[identity.subscription].url))
        return content

    def adds_way_out(self, identity: Identity, letter: Letter) -> bool:
        """Whether we put List-Unsubscribe in: on bulk and outreach, where the sender did not."""
        if identity.stream is Stream.TRANSACTIONAL or identity.subscription not in self.premises.ways_out:
            return False
        return not any(name in FIELDS for name, _ in letter.block.fields)

    def way_out(self, identity: Identity, letter: Letter, address: str, message: MessageId, now: float) -> bytes:
        """The List-Unsubscribe fields for one recipient; nothing where none are added."""
        if not self.adds_way_out(identity, letter):
            return b""
        way = self.premises.ways_out[identity.subscription]
        token = seal_token(
            self.token_key,
            Token(identity.tenant, identity.stream, identity.subscription, address, message, 0, int(now)),
        )
        url = link(way.url, token) if way.url else ""
        return fields(url, mailto(way.mail_domain, token) if way.mail_domain else "")

    def tracks(self, identity: Identity) -> bool:
        """Whether opens and clicks of this subscription's mail are tracked."""
        return identity.subscription in self.premises.tracked

    def tracked(self, identity: Identity, letter: Letter, copies: Sequence[tuple[Envelope, MessageId]]) -> list[Letter]:
        """The letter for each of its copies, with picture and links where opens and clicks are tracked."""
        base = self.premises.tracked.get(identity.subscription, "")
        alone = all(len(envelope.recipients) == 1 for envelope, _ in copies)
        if not base or not alone or letter.size * len(copies) > TRACKED_MOST:
            return [letter] * len(copies)
        marks = [Copy(base, self.tracking_key, message) for _, message in copies]
        return [rewritten(letter, partial(tracked, one)) for one in marks]

    async def _opinion(self, facts: Facts) -> SiteOpinion | None:
        return await self.site.ask(facts) if self.site is not None else None


def _facts(
    known: Known,
    claimed: tuple[Entry, ...],
    null_mx: frozenset[str],
    premises: Premises,
    identity: Identity,
    now: float,
) -> RecipientFacts:
    """One recipient as rules see it."""
    if claimed:
        known = structs.replace(known, entries=(*claimed, *known.entries))
    facts = known.facts(premises.terms(identity), now)
    role, disposable = addresses.is_role(facts.address), addresses.is_disposable(facts.domain)
    if role or disposable or facts.domain in null_mx:
        return structs.replace(facts, role=role, disposable=disposable, null_mx=facts.domain in null_mx)
    return facts
