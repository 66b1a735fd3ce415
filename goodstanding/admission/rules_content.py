"""Rules about what a message carries: its size, its header, and what law and providers demand of its text."""

from __future__ import annotations

from goodstanding.admission.facts import Action, Facts, Finding
from goodstanding.admission.lines import LINES
from goodstanding.model import Stream, joined


def size_is_agreed(facts: Facts) -> Finding | None:
    """RFC 1870: a message larger than agreed."""
    size, limit = facts.content.size, facts.terms.size_limit
    if size <= limit:
        return None
    because = f"the message has {size:,} bytes, and {facts.identity.subscription} may send {limit:,}"
    return Finding("too-large", Action.REFUSE, because, "send a link instead of the attachment", code="5.3.4")


def recipients_are_few_enough(facts: Facts) -> Finding | None:
    """Recipients of one message; Azure allows 50."""
    count, limit = len(facts.recipients), facts.terms.recipients_limit
    if count <= limit:
        return None
    because = f"{count:,} recipients, and a message of {facts.identity.subscription} may have {limit:,}"
    remedy = "send several messages, or ask the operator for more (goodstanding subscription set)"
    return Finding("too-many-recipients", Action.REFUSE, because, remedy, code="5.5.3")


def header_is_well_formed(facts: Facts) -> Finding | None:
    """RFC 5322: what large providers refuse, and what hides who wrote."""
    if not facts.content.malformed:
        return None
    because = f"the header is malformed: {joined(facts.content.malformed)}"
    return Finding("malformed-header", Action.REFUSE, because, "correct the program that writes it", code="5.6.0")


def header_is_honest(facts: Facts) -> Finding | None:
    """A header that shows somebody else than it names; CAN-SPAM §7704(a)(1), and every provider's phishing filter."""
    if not facts.content.deceptive:
        return None
    because = f"the header misleads: {joined(facts.content.deceptive)}"
    return Finding("deceptive-header", _by_stream(facts), because, "show the name and address that really send")


def thread_is_real(facts: Facts) -> Finding | None:
    """A subject that pretends to an earlier conversation."""
    if not facts.content.forged_thread:
        return None
    because = f"the subject begins like an answer ({facts.content.subject[:30]!r}), and nothing refers to a message"
    remedy = "drop Re: or Fwd:, or give In-Reply-To and References of the message it answers"
    return Finding("forged-thread", _by_stream(facts), because, remedy)


def _by_stream(facts: Facts) -> Action:
    """Fatal where people did not ask for the mail; help desks do such things too, to people who know them."""
    if facts.stream is not Stream.TRANSACTIONAL:
        return Action.REFUSE
    return Action.QUARANTINE if facts.unproven else Action.ACCEPT


def text_is_visible(facts: Facts) -> Finding | None:
    """Text that only a machine sees is there to deceive machines."""
    count, most = facts.content.invisible, LINES.invisible[facts.stream]
    if count <= most:
        return None
    because = f"{count:,} invisible characters, where {most:,} would be plenty"
    action = Action.REFUSE if facts.stream is Stream.OUTREACH else Action.QUARANTINE
    return Finding("invisible-text", action, because, "remove zero-width characters and hidden text")


def way_out_is_one_click(facts: Facts) -> Finding | None:
    """RFC 8058, asked by Google and Yahoo of all bulk mail."""
    if facts.stream is Stream.TRANSACTIONAL or facts.content.one_click:
        return None
    because = (
        "List-Unsubscribe is there, but not as one click (RFC 8058)"
        if facts.content.unsubscribe
        else "there is no List-Unsubscribe field"
    )
    remedy = "let goodstanding add it (setting web.port), or add List-Unsubscribe with https and List-Unsubscribe-Post"
    return Finding("no-one-click", Action.REFUSE, because, remedy)


def way_out_is_in_the_text(facts: Facts) -> Finding | None:
    """A way out people can see: CAN-SPAM §7704(a)(3), Google's sender guidelines."""
    if facts.stream is Stream.TRANSACTIONAL or facts.content.unsubscribe_text:
        return None
    remedy = "add a line that says how to be left alone, with a link or an address"
    return Finding("no-way-out", _law(facts), "the text offers no way to unsubscribe", remedy)


def postal_address_is_given(facts: Facts) -> Finding | None:
    """CAN-SPAM §7704(a)(5), CASL and the rules of trade in Europe: who writes, and from where."""
    if facts.stream is Stream.TRANSACTIONAL or facts.content.postal_address:
        return None
    ours = facts.terms.postal_address
    remedy = f"add it below the text: {' '.join(ours.split())}" if ours else "add your postal address below the text"
    return Finding("no-postal-address", _law(facts), "the text holds no postal address", remedy)


def _law(facts: Facts) -> Action:
    """Texts are read by rules of thumb; of mail people subscribed to, their doubt is only told."""
    return Action.REFUSE if facts.stream is Stream.OUTREACH else Action.ACCEPT
