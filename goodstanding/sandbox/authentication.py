"""SPF, DKIM and DMARC together: who a message really comes from, as a receiver sees it."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.sandbox import dkim_check, spf_check
from goodstanding.sandbox.dkim_check import Verified
from goodstanding.sandbox.zones import Lookup
from goodstanding.wire.message import facts, header_end, parse_header

QUERIES_ALLOWED = 8  # RFC 9989: of one tree walk


@dataclass(frozen=True, slots=True)
class Authentication:
    """Everything a provider learns about the origin of a message."""

    spf: str
    spf_domain: str
    spf_reason: str
    signatures: tuple[Verified, ...]
    dmarc: str
    """``pass``, ``fail`` or ``none``: From is aligned with a passed SPF or DKIM, is not, or no policy is published."""
    policy: str
    """What the From domain asks for: ``none``, ``quarantine``, ``reject``; empty without a record."""
    from_domain: str
    aligned: bool
    """The same without regard to whether a policy is published."""

    @property
    def dkim(self) -> str:
        """The best of all signatures; ``none`` without any."""
        results = [signature.result for signature in self.signatures]
        return "pass" if "pass" in results else results[0] if results else "none"

    def line(self, authserv: str) -> str:
        """The Authentication-Results field (RFC 8601 §2.2), folded, with its CRLF."""
        parts = [f"spf={self.spf} smtp.mailfrom={self.spf_domain or 'none'}"]
        for signature in self.signatures:
            reason = f' reason="{signature.reason}"' if signature.reason else ""
            parts.append(f"dkim={signature.result}{reason} header.d={signature.domain} header.s={signature.selector}")
        if not self.signatures:
            parts.append("dkim=none")
        parts.append(f"dmarc={self.dmarc} (p={self.policy or 'none'}) header.from={self.from_domain}")
        return "Authentication-Results: " + ";\r\n\t".join([authserv, *parts]) + "\r\n"


def examine(octets: bytes, *, client: str, sender: str, helo: str, lookup: Lookup, now: float) -> Authentication:
    """Check a whole message that ``client`` (an IP address) sent with the return path ``sender``."""
    end = header_end(octets)
    header = parse_header(octets[:end])
    from_domain = facts(header).from_domain if header.count("from") == 1 else ""
    spf_domain = sender.rpartition("@")[2].lower() or helo.lower()  # RFC 7208 §2.4
    spf = spf_check.check(client, spf_domain, lookup) if spf_domain else spf_check.Spf("none")
    signatures = dkim_check.verify(header, octets[end:], lookup, now)
    passed = [signature.domain for signature in signatures if signature.result == "pass"]
    record = _published(from_domain, lookup)
    aligned = _aligned(passed, from_domain, record.get("adkim", "r"), lookup) or (
        spf.result == "pass" and _aligned([spf_domain], from_domain, record.get("aspf", "r"), lookup)
    )
    return Authentication(
        spf=spf.result,
        spf_domain=spf_domain,
        spf_reason=spf.reason,
        signatures=signatures,
        dmarc="none" if not record else "pass" if aligned else "fail",
        policy=record.get("p", "none") if record else "",
        from_domain=from_domain,
        aligned=aligned,
    )


def _aligned(domains: list[str], from_domain: str, mode: str, lookup: Lookup) -> bool:
    """Whether one of the proved domains is that of From: the same (``s``), or of the same organisation (``r``)."""
    if not from_domain or not domains:
        return False
    if from_domain in domains:
        return True
    if mode == "s":
        return False
    organisation = _organisation(from_domain, lookup)
    return any(_organisation(domain, lookup) == organisation for domain in domains)


def _published(domain: str, lookup: Lookup) -> dict[str, str]:
    """The policy that holds for a From domain: its own, else its organisation's with ``sp`` in place of ``p``."""
    if not domain:
        return {}
    if own := _record(domain, lookup):
        return own
    inherited = _record(_organisation(domain, lookup), lookup)
    return inherited | {"p": inherited.get("sp", inherited.get("p", "none"))} if inherited else {}


def _organisation(domain: str, lookup: Lookup) -> str:
    """The organisational domain by the tree walk of RFC 9989: the highest one with a record, or the domain itself."""
    found = domain
    for name in _walk(domain):
        record = _record(name, lookup)
        if not record:
            continue
        if record.get("psd") == "y" and name != domain:  # a public suffix: the organisation is one label below
            labels = domain.split(".")
            return ".".join(labels[-name.count(".") - 2 :])
        found = name
        if record.get("psd") == "n":
            break
    return found


def _walk(domain: str) -> list[str]:
    labels = domain.split(".")
    parents = [".".join(labels[n:]) for n in range(1, len(labels))]
    return [domain, *parents[-(QUERIES_ALLOWED - 1) :]]


def _record(domain: str, lookup: Lookup) -> dict[str, str]:
    """The tags of the one DMARC record of a domain; empty when there is none, or more than one."""
    texts = [text for text in lookup(f"_dmarc.{domain}", "TXT").records if text.lower().startswith("v=dmarc1")]
    if len(texts) != 1:
        return {}
    pairs = (part.partition("=") for part in texts[0].split(";") if "=" in part)
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
