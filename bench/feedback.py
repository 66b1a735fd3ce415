"""``python -m bench feedback``: how well bounces and SMTP replies are read, and how fast. Needs the shared data set.

Labels are those of the collections; `SAME` says which of our classes agree with which of their words. Where a label
of theirs covers what we tell apart, several agree; where it says nothing of a class, none is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path

from bench import strangers
from bench.score import Score
from goodstanding.delivery.classify import Classified, classify_reply
from goodstanding.delivery.phrases import normalised
from goodstanding.feedback.diagnosis import Diagnosis, diagnose_reply
from goodstanding.feedback.mail import parse
from goodstanding.feedback.quoted import stage_of, worst
from goodstanding.feedback.reading import Reading
from goodstanding.feedback.sources import read
from goodstanding.model import MessageId, Reply
from goodstanding.submission.tracking import Copy, tracked

SAME = {
    "userunknown": "no-such-user", "hasmoved": "moved", "hostunknown": "domain-gone", "notaccept": "domain-gone",
    "mailboxfull": "mailbox-full", "suspend": "mailbox-disabled", "filtered": "no-such-user restricted",
    "rejected": "policy restricted reputation", "policyviolation": "policy content",
    "securityerror": "policy authentication restricted", "blocked": "reputation policy", "badreputation": "reputation",
    "requireptr": "authentication reputation", "authfailure": "authentication", "failedstarttls": "authentication",
    "spamdetected": "content reputation", "virusdetected": "content", "contenterror": "content protocol",
    "toomanyconn": "rate-limit", "speeding": "rate-limit", "mesgtoobig": "too-large", "exceedlimit": "too-large",
    "norelaying": "relaying-denied", "notcompliantrfc": "protocol", "syntaxerror": "protocol",
    "networkerror": "network loop", "expired": "expired network", "systemerror": "system loop", "systemfull": "system",
    "mailererror": "system", "user_unknown": "no-such-user moved", "over_quota": "mailbox-full",
    "domain_error": "domain-gone network relaying-denied", "spam": "content reputation policy authentication",
    "message_too_large": "too-large", "user_disabled": "mailbox-disabled",
}  # fmt: skip
"""Their word for a class, and ours that mean the same."""

HARD = frozenset(("userunknown", "hostunknown", "hasmoved", "notaccept", "InvalidRecipient", "BadDomain"))
"""Words whose replies are hard where the collection does not say so itself."""

HELD_OUT = 3
"""One mailer family in so many (by hash) was not looked at while rules were first written."""


def folder() -> Path:
    """Where the data set lies."""
    return Path(os.environ.get("GOODSTANDING_SHARED_DATA") or Path(__file__).parent.parent.parent / "shared" / "data")


def rows(data: Path, name: str) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (data / name).read_text().splitlines()]


def bounces(data: Path) -> list[dict]:  # type: ignore[type-arg]
    return [row for row in rows(data, "bounces.dev.jsonl") if not row["duplicate_of"]]


def held_out(row: dict) -> bool:  # type: ignore[type-arg]
    """Whole families; collections without families by file."""
    key = row["file"] if row["family"] in ("rjbs", "flufl-simple") else row["family"]
    return sha256(f"x{key}".encode()).digest()[0] % HELD_OUT == 0


def of_bounces(data: Path, chosen: Iterable[dict]) -> Score:  # type: ignore[type-arg]
    """Recipients, hard or soft, and classes of bounces and delays."""
    score = Score()
    for row in chosen:
        if row["kind"] in ("bounce", "delay"):
            _note(score, row, read(parse((data / row["file"]).read_bytes())))
    return score


def _note(score: Score, row: dict, readings: list[Reading]) -> None:  # type: ignore[type-arg]
    wanted = {_plain(fact["recipient"]) for fact in row["facts"] if fact["recipient"]}
    first = {_plain(address) for one in readings for address in one.recipients}
    final = {_plain(one.final_recipient or address) for one in readings for address in one.recipients}
    if wanted:
        score.note("recipients", wanted in (first, final, first | final))
    by_address = {_plain(address): one for one in readings for address in (*one.recipients, one.final_recipient)}
    for fact in row["facts"]:
        one = by_address.get(_plain(fact["recipient"]), readings[0])
        if fact.get("hardbounce") is not None:
            score.note("hard or soft", one.hard == fact["hardbounce"])
            score.note("not falsely hard", fact["hardbounce"] or not one.hard)
        if fact.get("reason") in SAME:
            score.note("class", one.klass in SAME[fact["reason"]].split())


def _plain(address: str | None) -> str:
    return (address or "").removeprefix("rfc822;").strip("<> ").lower()


def of_replies(data: Path, filtered: bool = True) -> Score:
    """Hard or soft of SMTP replies; ``filtered``: with those labelled so, "unknown" after DATA by words alone."""
    score = Score()
    for row, word, hard in labelled_replies(data):
        if word != "filtered" or filtered:
            said = _judged(row)
            score.note("hard or soft", said.hard == hard)
            score.note("not falsely hard", hard or not said.hard)
    return score


def limits(data: Path) -> Score:
    """The most that anything could get right of hard or soft, which sees no more than what the labels contradict on.

    Once the words and codes, without addresses and hosts; once our class of them, the codes, and the command.
    """
    score = Score()
    for what, seen in (("words and codes", _words), ("class, codes and command", _features)):
        groups: dict[tuple[object, ...], Counter[bool]] = defaultdict(Counter)
        for row, _, hard in labelled_replies(data):
            groups[seen(row)][hard] += 1
        score.right[what] = sum(max(group.values()) for group in groups.values())
        score.asked[what] = sum(group.total() for group in groups.values())
    return score


def labelled_replies(data: Path) -> Iterator[tuple[dict, str, bool]]:  # type: ignore[type-arg]
    """Rows with their word and whether they are hard."""
    for row in rows(data, "smtp_replies.dev.jsonl"):
        label = row["labels"]
        word = label.get("reason") or label.get("cls") or label.get("category")
        if word is not None:
            yield row, word, label.get("hardbounce", word in HARD)


def _judged(row: dict) -> Classified | Diagnosis:  # type: ignore[type-arg]
    return classify_reply(_fragment(row)) if row.get("fragment") else diagnose_reply(row["text"])


def _words(row: dict) -> tuple[object, ...]:  # type: ignore[type-arg]
    bare = re.sub(r"\S*[a-z]\S*[.@]\S*[a-z]\S*|\d+(?:\.\d+){3}", " ", normalised(row["text"]))
    return (*re.findall(r"[^\W_]+(?:\.\d+)*", bare), *(row["labels"].get("codes") or ()))


def _features(row: dict) -> tuple[object, ...]:  # type: ignore[type-arg]
    if row.get("fragment"):
        reply = _fragment(row)
        return _judged(row).klass, reply.code, reply.enhanced
    found = worst(row["text"])
    if found is None:
        return _judged(row).klass, stage_of(row["text"])
    return _judged(row).klass, found.reply.code, found.reply.enhanced, found.stage


def _fragment(row: dict) -> Reply:  # type: ignore[type-arg]
    """Part of a reply, with the codes that a table says it comes with."""
    codes = row["labels"].get("codes") or []
    enhanced = next((code for code in codes if re.fullmatch(r"[45]\.\d+\.\d+", code)), "")
    basic = next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), 450 if enhanced[:1] == "4" else 550)
    return Reply(basic, enhanced, row["text"])


def ordinary(data: Path) -> Iterator[bytes]:
    """Mail that reports no failure: texts made into mails of four shapes, MIME tests, answers by machines."""
    for row in rows(data, "text_corpus.dev.jsonl"):
        subject, text = (row.get("subject") or "News").splitlines()[0][:150], row["text"]
        for sender in ("Ann Smith <ann@shop.example>", "Shop Mail <no-reply@mail.shop.example>"):
            yield _mail(sender, subject, text)
            yield _mail(sender, subject, f"<html><body><p>{text}</p></body></html>", "html")
        yield _mail("Ann Smith <ann@shop.example>", f"Re: {subject}", f"Thanks!\n\nBob wrote:\n{_quoting(text)}")
    others = [row["file"] for row in rows(data, "conformance/mime_index.dev.jsonl")]
    others += [row["file"] for row in bounces(data) if row["kind"] in ("autoreply", "not_bounce")]
    for name in others:
        octets = (data / name).read_bytes()
        if b"delivery-status" not in octets.lower():  # a few are bounces, whatever their collections say
            yield octets


def asked_about(data: Path) -> Iterator[bytes]:
    """People who answer or forward a bounce, all of it quoted: the hardest ordinary mail there is."""
    for row in bounces(data):
        if row["kind"] in ("bounce", "delay"):
            mail = parse((data / row["file"]).read_bytes())
            subject = " ".join(mail.root.readable("subject").split())[:150]
            yield _mail("Ann Smith <ann@shop.example>", f"Re: {subject}", f"What is this?\n{_quoting(mail.words)}")


def _quoting(text: str) -> str:
    return "\n".join(f"> {line}" for line in text[:5_000].splitlines())


def _mail(sender: str, subject: str, text: str, subtype: str = "plain") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "bob@example.net", subject
    message.set_content(text.encode("utf-8", "replace").decode(), subtype=subtype)
    return message.as_bytes()


def false_positives(mails: Iterable[bytes]) -> Score:
    score = Score()
    for octets in mails:
        score.note("ordinary", not any(one.kind in ("bounce", "delay", "success") for one in read(parse(octets))))
    return score


def page() -> bytes:
    """A newsletter of some 12 KB with 850 tags, 25 of them links, as shops send them."""
    cell = '<td style="padding: 4px 8px; color: #333"><b>Offer</b></td>'
    row = f'<tr>{cell * 7}<td><a href="https://shop.example/offers/{{}}?from=news">Offer</a></td></tr>\r\n'
    rows_of_it = "".join(row.format(n) for n in range(25))
    html = f"<html><head><title>News</title></head><body><table>\r\n{rows_of_it}</table></body></html>\r\n"
    head = "From: news@shop.example\r\nTo: ann@isp.example\r\nSubject: News\r\nMIME-Version: 1.0\r\n"
    return f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()


def tracking(seconds: float = 2.0) -> tuple[int, int, int, float]:
    """Octets, tags and links of a page, and how many copies get picture and links in a second of CPU."""
    letter, copy = page(), Copy("https://links.shop.example", bytes(range(64)), MessageId(77 << 22))
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        for _ in range(10):
            made = tracked(copy, letter)
        count += 10
    spent = time.process_time() - start
    return len(letter), len(re.findall(rb"<[a-z/]", letter)), made.count(b"/c/"), count / spent


def speed(data: Path, seconds: float = 2.0) -> float:
    """Bounces read in a second of CPU."""
    blobs = [(data / row["file"]).read_bytes() for row in bounces(data)]
    for octets in blobs:
        read(parse(octets))
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        for octets in blobs:
            read(parse(octets))
        count += len(blobs)
    return count / (time.process_time() - start)


def run(_: argparse.Namespace) -> int:
    """Print the tables of docs/feedback.md."""
    data = folder()
    known = bounces(data)
    print("| bounces | recipients | hard or soft | not falsely hard | class |\n| --- | --- | --- | --- | --- |")
    groups = {
        "families rules were written on": [row for row in known if not held_out(row)],
        "families held out": [row for row in known if held_out(row)],
        "all": known,
    }
    for name, chosen in groups.items():
        score = of_bounces(data, chosen)
        cells = [score.cell(what) for what in ("recipients", "hard or soft", "not falsely hard", "class")]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| SMTP replies | hard or soft | not falsely hard |\n| --- | --- | --- |")
    for name, score in (("all", of_replies(data)), ("without those labelled filtered", of_replies(data, False))):
        print(f"| {name} | {score.cell('hard or soft')} | {score.cell('not falsely hard')} |")
    most = limits(data)
    for what in most.asked:
        print(f"the most that {what} allow: {most.cell(what)}")
    print("\n| strangers | recipients | hard or soft | not falsely hard | class |\n| --- | --- | --- | --- | --- |")
    for what, batches in ((strangers.replies, strangers.BATCHES), (strangers.mails, strangers.MAIL_BATCHES)):
        for batch in batches:
            score, _ = strangers.scored(what(batch))
            cells = [score.cell(each) for each in ("recipients", "hard or soft", "not falsely hard", "class")]
            print(f"| {batch} batch, {what.__name__} | {' | '.join(cells)} |")
    print(f"\nordinary mail taken for ordinary: {false_positives(ordinary(data)).cell('ordinary')}")
    print(f"people who quote a bounce, taken for ordinary: {false_positives(asked_about(data)).cell('ordinary')}")
    print(f"speed: {speed(data):,.0f} messages/s of one core's CPU time")
    octets, tags, links, copies = tracking()
    print(f"copies tracked, {octets:,} octets with {tags} tags and {links} links: {copies:,.0f}/s of CPU time")
    return 0
