"""Proof from the kernel's side that a 250 or 202 comes after its fsyncs: run under strace, send some messages, read on.

Each message carries one mark in its body and another in its recipient address, and is small enough for one write. For
every file below the data directory that received a mark before the final reply was sent, an fsync or fdatasync of that
file must have begun after the first such write and have succeeded before the reply began. (Later writes with the mark
are the same database page written again for other messages.) Order is that of lines in the trace, not of clocks. Only
write calls are seen: a store that wrote through mmap or io_uring would show no marks, and that fails the proof.
"""

from __future__ import annotations

import argparse
import json
import re
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from bench import children, programs, report
from bench.compare import SYSTEMS, scratch
from bench.load import Trouble, free_port
from bench.ours import SUBSCRIPTION
from bench.values import SENDER, Mode, Setup
from goodstanding.api.acs.signature import Request, sign

WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2")
SENDS = ("write", "writev", "sendto", "sendmsg")
SYNCS = ("fsync", "fdatasync")
STRACE = ("strace", "-D", "-f", "-yy", "-ttt", "-s", "200000", "-e")

LINE = re.compile(r"(\d+) +(\d+\.\d+) (?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))", re.DOTALL)
DESCRIPTOR = re.compile(r"\d+<([\w-]+:\[[^\]]*\]|[^>]*)>")
UNFINISHED = " <unfinished ...>"
FACES = ("smtp", "http")
"""SMTP; or a program, which uses the API of ACS and the native one in turn."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call on a descriptor."""

    name: str
    target: str
    """What the descriptor is: a path, or ``TCP:[here->there]``."""
    text: str
    """Arguments and result as strace wrote them."""
    begin: int
    """Line of the trace where it was entered."""
    end: int
    """Line where it returned."""
    at: float
    """Second it was entered."""
    thread: str

    @property
    def succeeded(self) -> bool:
        """Whether the kernel returned no error."""
        return not self.text.rpartition(" = ")[2].startswith(("-1", "?"))


@dataclass(frozen=True, slots=True)
class Sent:
    """A message the harness sent, and the client port it used."""

    number: int
    port: int
    reply: str = "250"

    @property
    def body_mark(self) -> str:
        """Stands in the body only."""
        return f"bodymark{self.number:06d}x"

    @property
    def recipient_mark(self) -> str:
        """Stands in the recipient's address only."""
        return f"rcptmark{self.number:06d}x"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the trace says of one message."""

    message: Sent
    steps: tuple[tuple[str, Call], ...]
    """What happened, in order, each with its call."""
    objection: str
    """Why the 250 was premature; empty when it was not."""


def read_trace(lines: Iterable[str]) -> Iterator[Call]:
    """Calls in the order in which they returned."""
    entered: dict[str, tuple[str, str, int, float]] = {}
    for number, line in enumerate(lines, 1):
        found = LINE.match(line)
        if not found:
            continue  # signals and exits
        thread, at, resumed, rest, name, arguments = found.groups()
        if resumed:
            if thread not in entered:
                continue
            name, arguments, begin, began = entered.pop(thread)
            arguments += rest
        elif arguments.rstrip().endswith(UNFINISHED.strip()):
            entered[thread] = (name, arguments.rstrip().removesuffix(UNFINISHED), number, float(at))
            continue
        else:
            begin, began = number, float(at)
        if descriptor := DESCRIPTOR.match(arguments):
            yield Call(name, descriptor[1], arguments.rstrip(), begin, number, began, thread)


def judge(message: Sent, calls: list[Call], directory: str) -> Finding:
    """Whether the final reply of a message came after everything it promises."""
    reply = _final_reply(message, calls)
    if reply is None:
        return Finding(message, (), f"no {message.reply} on its connection")
    steps = {reply: message.reply}
    objections: list[str] = []
    for mark, what in ((message.body_mark, "message"), (message.recipient_mark, "recipient")):
        first = _first_writes(calls, mark, directory, reply)
        if not first:
            objections.append(f"{what}: in no file before the {message.reply}")
        for write in first:
            file = _short(write.target, directory)
            steps[write] = f"{steps[write]}, {what}" if write in steps else f"write {file}: {what}"
            if sync := _sync_between(calls, write, reply):
                steps[sync] = f"{sync.name} {file}"
            else:
                objections.append(f"{what}: {file} not fsynced before the {message.reply}")
    ordered = tuple((steps[call], call) for call in sorted(steps, key=lambda call: call.begin))
    return Finding(message, ordered, "; ".join(objections))


def _first_writes(calls: list[Call], mark: str, directory: str, reply: Call) -> list[Call]:
    """The first write of a mark to each file below the directory, if it returned before the reply began."""
    first: dict[str, Call] = {}
    for call in calls:
        if call.name in WRITES and call.end < reply.begin and call.target.startswith(directory) and mark in call.text:
            first.setdefault(call.target, call)
    return list(first.values())


def _final_reply(message: Sent, calls: list[Call]) -> Call | None:
    """The 250 that follows the 354 on the message's connection; of a program's, the 202."""
    peer, go_on = f"->127.0.0.1:{message.port}]", message.reply != "250"
    reply = '"250' if message.reply == "250" else f'"HTTP/1.1 {message.reply} '
    for call in calls:
        if call.name in SENDS and call.target.startswith("TCP") and call.target.endswith(peer):
            if go_on and reply in call.text:
                return call
            go_on = go_on or '"354' in call.text
    return None


def _sync_between(calls: list[Call], write: Call, reply: Call) -> Call | None:
    """The first successful fsync of the written file that lies wholly between the write and the reply."""
    for call in calls:
        between = write.end < call.begin and call.end < reply.begin
        if between and call.name in SYNCS and call.target == write.target and call.succeeded:
            return call
    return None


def _short(path: str, directory: str) -> str:
    return path.removeprefix(directory).lstrip("/")


def run(chosen: argparse.Namespace) -> None:
    """Trace, judge, print the table; exit status 1 when a 250 was premature."""
    children.require("strace")
    with scratch(chosen.directory) as directory:
        trace = directory / "trace"
        words = (*STRACE, "trace=" + ",".join(dict.fromkeys(WRITES + SENDS + SYNCS)), "-o", str(trace), "--")
        below = directory / chosen.system
        below.mkdir()
        # Delivery off, so that only acceptance writes. Not for Postfix: it would rename the file before the fsync.
        mode: Mode = "relay" if chosen.system == "postfix" else "accept"
        setup = Setup(below, free_port(), free_port(), mode, workers=chosen.workers, wrapper=words)
        if chosen.face == "http":
            if chosen.system != "goodstanding":
                raise Trouble("only goodstanding takes mail over HTTP: leave --system out")
            system, front = programs.start(setup)
            sent = at_once(partial(_post, front), chosen.clients, chosen.each)
        else:
            system = SYSTEMS[chosen.system](setup)
            sent = at_once(partial(_submit, setup.port), chosen.clients, chosen.each)
        system.stop()
        calls = list(read_trace(_finished(trace)))
    calls.sort(key=lambda call: call.begin)
    findings = [judge(message, calls, str(below)) for message in sent]
    text = table(findings) + "\n\n" + summary(findings, calls, str(below))
    kept = report.write("fsyncs", text, [(finding.message.number, finding.objection) for finding in findings])
    print(f"{text}\n\nkept in {kept}")
    if any(finding.objection for finding in findings):
        raise Trouble("a message was confirmed before its fsync")


def _submit(port: int, number: int) -> Sent:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as session:
        assert session.sock is not None
        message = Sent(number, session.sock.getsockname()[1])
        text = f"From: <{SENDER}>\r\nSubject: traced\r\n\r\n{message.body_mark}\r\n"
        session.sendmail(SENDER, [f"{message.recipient_mark}@sink.example"], text)
    return message


def _post(front: programs.Front, number: int) -> Sent:
    connection = HTTPConnection("127.0.0.1", front.port, timeout=60)
    connection.connect()
    message = Sent(number, connection.sock.getsockname()[1], "202")
    to = [{"address": f"{message.recipient_mark}@sink.example"}]
    if number % 2:
        content = {"subject": "traced", "plainText": message.body_mark}
        body = json.dumps({"senderAddress": SENDER, "content": content, "recipients": {"to": to}}).encode()
        request = Request("POST", programs.PATH, {"host": f"127.0.0.1:{front.port}"}, body)
        path, headers = programs.PATH, sign(request, front.key, formatdate(usegmt=True))
    else:
        letter = {"subscription": SUBSCRIPTION, "sender": {"address": SENDER}, "to": to}
        body = json.dumps(letter | {"subject": "traced", "text": message.body_mark}).encode()
        path, headers = "/v1/messages", {"Authorization": f"Bearer {front.token}"}
    connection.request("POST", path, body, headers | {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 202:
        raise Trouble(f"{path} says {answer.status}: {answer.read()[:300]!r}")
    connection.close()
    return message


def at_once(hand_in: Callable[[int], Sent], clients: int, each: int) -> list[Sent]:
    """Several clients at once, each a connection per message, so that group commit has groups to make."""
    sent: list[Sent] = []

    def client(first: int) -> None:
        sent.extend(hand_in(number) for number in range(first, first + each))

    threads = [threading.Thread(target=client, args=(index * each,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(sent) != clients * each:
        raise Trouble(f"{len(sent)} of {clients * each} messages were accepted")
    return sorted(sent, key=lambda message: message.number)


def _finished(trace: Path) -> list[str]:
    """The lines of the trace once strace, which ends by itself, has written all."""
    size = -1
    while size != (size := trace.stat().st_size):
        time.sleep(0.5)
    return trace.read_text(errors="replace").split("\n")


def table(findings: list[Finding]) -> str:
    """What happened to each message, with trace line and milliseconds since its first write."""
    lines = ["| message | in the order of the trace (line, +ms) | confirmed after its fsyncs |", "|--:|---|---|"]
    for finding in findings:
        start = finding.steps[0][1].at if finding.steps else 0.0
        steps = " → ".join(
            f"{what} ({call.begin}-{call.end}, +{(call.at - start) * 1000:.1f})" for what, call in finding.steps
        )
        lines.append(f"| {finding.message.number} | {steps} | {finding.objection or 'yes'} |")
    return "\n".join(lines)


def summary(findings: list[Finding], calls: list[Call], directory: str) -> str:
    """How many fsyncs of which files all this took."""
    syncs = Counter(
        f"{call.name} {_short(call.target, directory) or 'the directory itself'}"
        for call in calls
        if call.name in SYNCS and call.target.startswith(directory)
    )
    good = sum(not finding.objection for finding in findings)
    lines = [f"{good} of {len(findings)} replies came after every fsync they promise. All fsyncs of the run:"]
    return "\n".join([*lines, *(f"- {count} x {what}" for what, count in syncs.most_common(20))])
