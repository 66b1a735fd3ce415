"""What a domain's DNS records prove, check by check, each with its reason and remedy.

A check is good, missing, or unknown while DNS fails. Its weight says what hangs on it: a domain is verified when
everything `essential` is good; what is `wanted` costs delivery where it is missing; `advice` is worth knowing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from goodstanding.admission.checks import Check, Weight, answered
from goodstanding.admission.dmarc_checks import alignment, policy, reports
from goodstanding.admission.domain_state import Evidence
from goodstanding.admission.estate import Pool
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.onboarding import Ground, Key
from goodstanding.model import joined
from goodstanding.wire import dmarc, spf
from goodstanding.wire.questions import Book, Said


@dataclass(frozen=True, slots=True)
class Case:
    """A claimed domain, its keys, and what this installation brings to it."""

    claim: DomainFacts
    keys: tuple[Key, ...]
    ground: Ground
    parents: tuple[str, ...] = ()
    """Verified domains of the same tenant above it, which prove control of it."""
    lists: tuple[str, ...] = ()
    """DNS block lists (RFC 5782) to ask about the egress addresses."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every check, what they say together, and which waiting keys may sign now."""

    checks: tuple[Check, ...]
    evidence: Evidence
    because: str = ""
    """What is essential and missing, or unknown."""
    seen: tuple[str, ...] = ()
    """Selectors of waiting keys that are published."""


def judge(case: Case, book: Book) -> Judgement:
    """Look at everything; worth something once nothing is missing from the book."""
    match case.claim.kind:
        case "sending":
            checks = _sending(case, book)
        case "bounce":
            checks = _bounce(case, book)
        case "link":
            checks = _link(case, book)
    checks += [check for address in _egress(case) for zone in case.lists for check in _listed(address, zone, book)]
    essential = [check for check in checks if check.weight == "essential"]
    gone = [check.because for check in essential if check.ok is False]
    unknown = [check.because for check in essential if check.ok is None]
    evidence = Evidence.GONE if gone else Evidence.UNKNOWN if unknown else Evidence.PRESENT
    waiting = [key for key in case.keys if key.stage == "waiting"]
    seen = tuple(key.selector for key in waiting if _key_found(case.claim.name, key, book) is True)
    return Judgement(tuple(checks), evidence, "; ".join(gone or unknown), seen)


def _egress(case: Case) -> tuple[str, ...]:
    return case.ground.addresses if case.claim.kind == "sending" else ()


def _sending(case: Case, book: Book) -> list[Check]:
    name, ground = case.claim.name, case.ground
    walk = dmarc.walk(name, book)
    paths: dict[str, list[Pool]] = {}
    for pool in ground.pools:
        paths.setdefault(ground.return_path(pool, name), []).append(pool)
    return [
        *_dkim(case, book),
        *(check for path, pools in (paths or {name: []}).items() for check in _spf(case, path, pools, book)),
        policy(case.claim, walk, ground),
        *reports(name, walk, ground, book),
        *(alignment(name, path, walk, book) for path in paths or {name: []}),
        _reachable(name, "wanted", book),
        *(check for pool in ground.pools if not pool.route for check in _addresses(pool, ground, book)),
    ]


def _bounce(case: Case, book: Book) -> list[Check]:
    name = case.claim.name
    pools = [pool for pool in case.ground.pools if pool.bounce_domain == name]
    return [_control(case, book), *_spf(case, name, pools, book), _reachable(name, "essential", book)]


def _link(case: Case, book: Book) -> list[Check]:
    name, web = case.claim.name, case.ground.web
    said = book.ask("addresses", name)
    remedy = f"publish a CNAME to {web}" if web else "set web.port and web.url, then publish what domain records shows"
    if said.status != "found":
        address = answered(
            "link-address", said, "essential", f"{name} has no address, so its links lead nowhere", remedy
        )
        return [_control(case, book), address]
    ours = book.ask("addresses", web) if web else Said("nodata")
    same = bool(set(said.records) & set(ours.records))
    where = f"{name} leads to {joined(said.records)}"
    told = where if same else f"{where}, and the page here is at {joined(ours.records) or 'no known address'}"
    checks = [_control(case, book), Check("link-address", True, "essential", where)]
    return [*checks, Check("link-here", same, "advice", told, "" if same else f"{remedy}, unless a proxy stands there")]


# --- control and keys ------------------------------------------------------------------------------------------------


def _control(case: Case, book: Book) -> Check:
    """Whoever can publish the token, or any key of ours, controls the domain."""
    claim, token = case.claim, case.ground.token
    if case.parents:
        return Check("control", True, "essential", f"it lies below {case.parents[0]}, which is verified and yours")
    name = f"_goodstanding.{claim.name}"
    said = book.ask("txt", name)
    if any(text.strip() == token for text in said.records):
        return Check("control", True, "essential", f"{name} has the token")
    because = f"{name} does not have the token that proves control"
    return answered("control", said, "essential", because, f'publish {name} TXT "{token}"')


def _dkim(case: Case, book: Book) -> Iterable[Check]:
    """The RSA key is essential: it proves control, and every receiver reads it (RFC 8463 §6: sign with both)."""
    for kind in ("rsa-sha256", "ed25519-sha256"):
        keys = [key for key in case.keys if key.kind == kind and key.stage != "retired"]
        found = {key.selector: _key_found(case.claim.name, key, book) for key in keys}
        good = [selector for selector, equal in found.items() if equal is True]
        weight: Weight = "essential" if kind == "rsa-sha256" else "wanted"
        slug = "dkim" if kind == "rsa-sha256" else "dkim-ed25519"
        if good:
            yield Check(slug, True, weight, f"our key is published under {joined(good)}")
        elif keys:
            yield _key_missing(case.claim.name, slug, weight, keys[0], found[keys[0].selector])
        elif kind == "rsa-sha256":
            remedy = f"make one with goodstanding domain rotate {case.claim.name}"
            yield Check(slug, False, weight, f"{case.claim.name} has no RSA key here that can be opened", remedy)
        yield from _next_keys(case, keys, found)


def _next_keys(case: Case, keys: Sequence[Key], found: dict[str, bool | str]) -> Iterable[Check]:
    for key in keys:
        if key.stage == "waiting":
            told = found[key.selector]
            because = "the next key is published, and signs from now on" if told is True else f"the next key: {told}"
            remedy = "" if told is True else _publish(case.claim.name, key)
            yield Check("dkim-next", told is True or (None if told == FAILED else False), "advice", because, remedy)


FAILED = "its record cannot be looked up now"


def _key_missing(domain: str, slug: str, weight: Weight, key: Key, told: bool | str) -> Check:
    because = f"{key.selector}._domainkey.{domain}: {told}"
    if told == FAILED:
        return Check(slug, None, weight, because, "look again in a while")
    return Check(slug, False, weight, because, _publish(domain, key))


def _publish(domain: str, key: Key) -> str:
    return f"publish the TXT record that goodstanding domain records {domain} shows"


def _key_found(domain: str, key: Key, book: Book) -> bool | str:
    """True when exactly our key is published, as receivers read it (RFC 6376 §3.6.1); else what is wrong, in words."""
    said = book.ask("txt", f"{key.selector}._domainkey.{domain}")
    if not said.definite:
        return FAILED
    if not said.records:
        return "there is no record"
    if len(said.records) > 1:
        return f"there are {len(said.records)} records, and receivers may take any"  # §3.6.2.2: undefined
    ours, theirs = _tags(key.text), _tags(said.records[0])
    if theirs.get("v", "DKIM1") != "DKIM1":
        return "it is not a DKIM key record"
    if not theirs.get("p"):
        return "the key is revoked (p= is empty)" if "p" in theirs else "it has no key (p=)"
    if theirs["p"] != ours["p"] or theirs.get("k", "rsa") != ours["k"]:
        return "it has another key"
    if "h" in theirs and "sha256" not in theirs["h"].split(":"):
        return f"it does not allow SHA-256 (h={theirs['h']})"
    if not {"*", "email"} & set(theirs.get("s", "*").split(":")):
        return f"it is not for mail (s={theirs['s']})"
    return True


def _tags(text: str) -> dict[str, str]:
    """A tag list (RFC 6376 §3.2) without white space, which means nothing within these values."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, equals, value in pairs if equals}


# --- SPF -------------------------------------------------------------------------------------------------------------


def _spf(case: Case, path: str, pools: Sequence[Pool], book: Book) -> Iterable[Check]:
    """Essential where the return path is the domain itself or below it; elsewhere it is somebody else's to mend."""
    name = case.claim.name
    weight: Weight = "essential" if path == name or path.endswith(f".{name}") else "wanted"
    survey = spf.survey(path, book)
    addresses = [address for pool in pools if not pool.route for address in pool.addresses]
    if not survey.text:
        said = book.ask("txt", path)
        terms = " ".join(f"ip{ip_address(address).version}:{address}" for address in addresses)
        remedy = f'publish {path} TXT "v=spf1 {terms} -all"' if terms else f"publish an SPF record at {path}"
        yield answered("spf", said, weight, f"{path}, the return path, publishes no SPF record", remedy)
        return
    yield _authorised(path, addresses, weight, book)
    yield _within_limits(path, survey)


def _authorised(path: str, addresses: Sequence[str], weight: Weight, book: Book) -> Check:
    results = {address: spf.evaluate(address, path, book) for address in addresses}
    refused = {address: spf_ for address, spf_ in results.items() if spf_.result not in ("pass", "temperror")}
    if refused:
        found = next(iter(refused.values()))
        terms = " ".join(f"ip{ip_address(each).version}:{each}" for each in refused)
        because = f"SPF of {path} says {found.result} to {joined(list(refused))} ({found.because})"
        remedy = f"mend the record, then add {terms}" if found.result == "permerror" else f"add {terms} in front of all"
        return Check("spf", False, weight, because, f"{remedy} in the SPF record of {path}")
    if any(found.result == "temperror" for found in results.values()):
        return Check("spf", None, weight, f"the SPF record of {path} cannot be looked up now", "look again in a while")
    if not addresses:
        because = f"{path} publishes SPF; whether it names our addresses is unknown, because no pool names any"
        return Check("spf", True, weight, because)
    return Check("spf", True, weight, f"SPF of {path} passes for {joined(addresses)}")


def _within_limits(path: str, survey: spf.Survey) -> Check:
    """RFC 7208 §4.6.4, counted over the whole record: strangers make receivers walk all of it."""
    count = f"the SPF record of {path} makes {survey.lookups} look-ups ({survey.voids} find nothing)"
    allowed = f"{spf.LOOKUPS_ALLOWED} look-ups and {spf.VOIDS_ALLOWED} that find nothing are allowed (RFC 7208 §4.6.4)"
    if survey.problem:
        return Check("spf-limits", False, "wanted", survey.problem, f"mend the SPF record of {path}")
    if survey.lookups > spf.LOOKUPS_ALLOWED or survey.voids > spf.VOIDS_ALLOWED:
        return Check(
            "spf-limits",
            False,
            "wanted",
            f"{count}; {allowed}",
            "drop includes that send nothing, or write out networks",
        )
    if survey.failed:
        return Check("spf-limits", None, "wanted", survey.failed, "look again in a while")
    return Check("spf-limits", True, "wanted", count)


# --- hosts and addresses ---------------------------------------------------------------------------------------------


def _reachable(name: str, weight: Weight, book: Book) -> Check:
    """Many receivers turn away senders that could not be answered (RFC 5321 §2.3.5; null MX: RFC 7505 §4.2)."""
    exchangers = book.ask("mx", name)
    if "." in exchangers.records:
        because = f"{name} says that it takes no mail (null MX), so receivers may refuse mail from it"
        return Check("mx", False, weight, because, "publish an MX that takes answers and bounces")
    if exchangers.status == "found":
        return Check("mx", True, weight, f"mail to {name} goes to {joined(exchangers.records[:3])}")
    address = book.ask("addresses", name)
    if address.status == "found" and exchangers.definite:
        return Check("mx", True, weight, f"{name} has no MX, but an address (RFC 5321 §5.1)", "publish an MX record")
    said = exchangers if not exchangers.definite else address
    return answered("mx", said, weight, f"{name} has neither MX nor address", f"publish an MX record for {name}")


def _addresses(pool: Pool, ground: Ground, book: Book) -> Iterable[Check]:
    """Forward-confirmed reverse DNS, which Google, Yahoo and Microsoft ask of every sender, and the name in EHLO."""
    hello = pool.hello or ground.hostname
    for address in pool.addresses:
        yield _reverse(address, hello, book)
    known = book.ask("addresses", hello)
    strangers = [address for address in pool.addresses if address not in known.records]
    if known.status == "found" and not strangers:
        yield Check("hello", True, "wanted", f"{hello}, our name in EHLO, has our addresses")
    elif strangers:
        because = f"{hello}, our name in EHLO, does not have the address {joined(strangers)}"
        yield answered("hello", known, "wanted", because, f"publish {hello} with {joined(pool.addresses)}")
    if pool.addresses:
        yield _hello_spf(hello, pool.addresses, book)


def _hello_spf(hello: str, addresses: Sequence[str], book: Book) -> Check:
    """Our bounces and notices have no return path, so receivers ask SPF about the name in EHLO (RFC 7208 §2.4)."""
    results = {address: spf.evaluate(address, hello, book).result for address in addresses}
    refused = [address for address, result in results.items() if result not in ("pass", "temperror")]
    if refused:
        terms = " ".join(f"ip{ip_address(address).version}:{address}" for address in addresses)
        because = f"SPF of {hello}, our name in EHLO, does not pass for {joined(refused)}: our bounces may be refused"
        return Check("hello-spf", False, "wanted", because, f'publish {hello} TXT "v=spf1 {terms} -all"')
    if "temperror" in results.values():
        return Check("hello-spf", None, "wanted", f"SPF of {hello} cannot be looked up now", "look again in a while")
    return Check("hello-spf", True, "wanted", f"SPF of {hello}, our name in EHLO, passes for {joined(addresses)}")


def _reverse(address: str, hello: str, book: Book) -> Check:
    names = book.ask("pointer", address)
    remedy = f"ask who gave you {address} to set its PTR to {hello}"
    if names.status != "found":
        return answered("ptr", names, "wanted", f"{address} has no PTR record", remedy)
    back = {name: book.ask("addresses", name) for name in names.records[:10]}
    confirmed = [name for name, said in back.items() if address in said.records]
    if confirmed:
        return Check("ptr", True, "wanted", f"{address} is {joined(confirmed)}, and that leads back to it")
    because = f"{address} is {joined(list(back))}, and that does not lead back to it"
    if not all(said.definite for said in back.values()):
        return Check("ptr", None, "wanted", f"{because}, as far as DNS answers", "look again in a while")
    return Check("ptr", False, "wanted", because, remedy)


def _listed(address: str, zone: str, book: Book) -> Iterable[Check]:
    """RFC 5782 §2: an address record below the list's name means listed; 127.255.255.x: it will not tell (Spamhaus)."""
    reverse = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    said = book.ask("addresses", f"{reverse}.{zone}")
    codes = [record for record in said.records if record.startswith("127.")]
    if codes and not all(code.startswith("127.255.255.") for code in codes):
        because = f"{address} is listed by {zone} ({joined(codes)})"
        yield Check("dnsbl", False, "wanted", because, f"find and mend the cause, then ask {zone} to delist it")
    elif codes or not said.definite:
        because = f"{zone} does not answer us about {address}"
        yield Check("dnsbl", None, "wanted", because, "ask by a name server of your own")
    else:
        yield Check("dnsbl", True, "wanted", f"{address} is not listed by {zone}")
