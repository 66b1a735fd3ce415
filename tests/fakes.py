"""The only doubles: a clock that moves when told, seeded randomness, zones in a dict and dialogues as text."""

import asyncio
import heapq
import random
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count

from goodstanding.model import MessageId, NetworkFailure
from goodstanding.outside import Answer, LookupStatus, Stream
from goodstanding.submission.accept import Accepted, Submission


class FakeClock:
    """Time that stands still until `advance`; sleepers wake in the order of their times."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    async def sleep_until(self, when: float) -> None:
        if when <= self._now:
            await asyncio.sleep(0)
            return
        waking = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._order), waking))
        await waking

    async def advance(self, seconds: float) -> None:
        """Let so much time pass; everybody whose time comes in between runs at his time."""
        end = self._now + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, waking = heapq.heappop(self._sleepers)
            if not waking.done():
                waking.set_result(None)
            await _settle()
        self._now = end


async def _settle() -> None:
    """Give every task that can run the chance to."""
    for _ in range(20):
        await asyncio.sleep(0)


class FakeEntropy:
    """The same numbers for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def jitter(self, spread: float) -> float:
        return self._random.uniform(1 - spread, 1 + spread)


class FakeResolver:
    """DNS out of a dict: ``{"example.com": {"MX": ["10 mx.example.com"]}, "mx.example.com": {"A": ["192.0.2.1"]}}``.

    A name that is not there does not exist; ``{"MX": "failed"}`` cannot be looked up. Every question is in ``asked``.
    """

    def __init__(self, zones: Mapping[str, Mapping[str, Sequence[str]]], expires: float = float("inf")) -> None:
        self.zones = zones
        self.expires = expires
        self.asked: list[tuple[str, str]] = []

    async def mx(self, domain: str) -> Answer:
        answer = self._answer(domain, "MX")
        pairs = sorted((int(preference), host) for preference, host in map(str.split, answer.records))
        records, preferences = tuple(host for _, host in pairs), tuple(preference for preference, _ in pairs)
        return Answer(answer.status, records, preferences, answer.expires, text=answer.text)

    def cached_mx(self, domain: str, now: float) -> Answer | None:
        return None

    async def addresses(self, host: str) -> Answer:
        six, four = self._answer(host, "AAAA"), self._answer(host, "A")
        statuses: set[LookupStatus] = {six.status, four.status}
        ranked: tuple[LookupStatus, ...] = ("found", "failed", "nodata", "nxdomain")
        status = next(status for status in ranked if status in statuses)
        return Answer(status, six.records + four.records, expires=self.expires, text=six.text or four.text)

    def cached_addresses(self, host: str, now: float) -> Answer | None:
        return None

    async def txt(self, name: str) -> Answer:
        return self._answer(name, "TXT")

    async def pointer(self, address: str) -> Answer:
        return self._answer(address, "PTR")

    def _answer(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        zone = self.zones.get(name)
        if zone is None:
            return Answer("nxdomain", expires=self.expires)
        records = zone.get(kind, ())
        if records == "failed":
            return Answer("failed", text="the name server of the test failed", expires=self.expires)
        return Answer("found" if records else "nodata", tuple(records), expires=self.expires)


class FakeFetcher:
    """Documents by address; one that is not there fails, and so does everything while it is ``down``."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self.documents = dict(documents)
        self.asked: list[str] = []
        self.down = False
        self.gate = asyncio.Event()
        """Answers come once it is set."""
        self.gate.set()

    async def get(self, url: str, timeout: float) -> bytes | NetworkFailure:
        self.asked.append(url)
        await self.gate.wait()
        if self.down or url not in self.documents:
            return NetworkFailure("fetch", f"{url} cannot be had")
        return self.documents[url]


class ScriptedStream:
    """One connection that follows a dialogue, line by line::

        S: 220 mx.test ESMTP          what the server says; lines that follow each other come in one piece
        C: EHLO *                     what we must say; ``*`` and ``?`` match anything
        BODY                          a message up to its closing dot; it is kept in ``bodies``
        TLS / TLS FAILS               the handshake works, or does not
        SILENCE / RESET / CLOSE       the time-out passes, the connection breaks, the server hangs up
        STOPS READING                 the send buffer stays full

    A dialogue that goes another way fails the test with an AssertionError at the line that differs.
    """

    def __init__(self, script: str, peer: str = "192.0.2.1:25") -> None:
        self.peer = peer
        self.tls = ""
        self.closed = False
        self.bodies: list[bytes] = []
        self.hostname = ""
        """The name TLS was asked for."""
        self.sends = 0
        self._lines = deque(line.strip() for line in script.strip().splitlines() if line.strip())
        self._unread = b""

    @property
    def finished(self) -> bool:
        """Every line of the dialogue has happened."""
        self._listen()
        return not self._lines and not self._unread

    def send(self, octets: bytes) -> None:
        assert not self.closed, f"sent after close: {octets!r}"
        self.sends += 1
        self._unread += octets

    async def drain(self, timeout: float) -> NetworkFailure | None:
        if self._lines and self._lines[0] == "STOPS READING":
            self._unread = b""
            return NetworkFailure("", f"{self.peer} took nothing for {timeout:g} seconds")
        return None

    async def receive(self, timeout: float) -> bytes | NetworkFailure:
        await asyncio.sleep(0)
        self._listen()
        said = []
        while self._lines and self._lines[0].startswith("S:"):
            said.append(self._lines.popleft()[2:].lstrip() + "\r\n")
        if said:
            return "".join(said).encode()
        return self._end(self._lines.popleft() if self._lines else "CLOSE", timeout)

    def _end(self, line: str, timeout: float) -> bytes | NetworkFailure:
        if line == "SILENCE":
            return NetworkFailure("", f"{self.peer} said nothing for {timeout:g} seconds")
        if line in ("RESET", "STOPS READING"):
            return NetworkFailure("", f"the connection with {self.peer} was lost: reset")
        assert line == "CLOSE", f"we wait for the server, but the dialogue goes on with {line!r}"
        return b""

    async def start_tls(self, context: ssl.SSLContext, hostname: str, timeout: float) -> NetworkFailure | None:
        self._listen()
        line = self._lines.popleft() if self._lines else "nothing"
        assert line in ("TLS", "TLS FAILS"), f"TLS was started where the dialogue has {line!r}"
        self.hostname = hostname
        if line == "TLS FAILS":
            return NetworkFailure("tls", f"TLS handshake with {self.peer} failed: scripted")
        self.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384"
        return None

    def close(self) -> None:
        self._listen()
        self.closed = True

    def _listen(self) -> None:
        """Compare what was sent with what the dialogue expects next."""
        while self._unread and self._lines:
            expected = self._lines[0]
            if expected == "BODY":
                body, dot, rest = self._unread.partition(b"\r\n.\r\n")
                assert dot, f"the message has no end: {self._unread[-40:]!r}"
                self.bodies.append(body + b"\r\n")
                self._unread = rest
            elif expected.startswith("C:"):
                line, _, self._unread = self._unread.partition(b"\r\n")
                pattern = expected[2:].strip()
                assert fnmatchcase(line.decode(), pattern), f"said {line.decode()!r}, expected {pattern!r}"
            else:
                return
            self._lines.popleft()


class ScriptedDialer:
    """Connections by address: each one dialled takes the next of its dialogues; an address without one refuses."""

    def __init__(self, dialogues: Mapping[str, Sequence[str] | str]) -> None:
        self._dialogues = {
            address: deque([scripts] if isinstance(scripts, str) else scripts) for address, scripts in dialogues.items()
        }
        self.dialled: list[tuple[str, int, str]] = []
        self.streams: list[ScriptedStream] = []

    async def connect(self, address: str, port: int, source: str, timeout: float) -> ScriptedStream | NetworkFailure:
        self.dialled.append((address, port, source))
        scripts = self._dialogues.get(address)
        if not scripts:
            return NetworkFailure("connect", f"connection to {address}:{port} failed: connection refused")
        stream = ScriptedStream(scripts.popleft(), f"{address}:{port}")
        self.streams.append(stream)
        return stream


class RecordingTransport(asyncio.Transport):
    """The transport of a client on loopback; remembers what was written, and when reading stood still."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000)})
        self.calls: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data).decode())

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


class SlowDoor:
    """A front door that takes every message, but not before it is let."""

    keeper = None

    def __init__(self) -> None:
        self.let = asyncio.Event()

    async def accept(self, submission: Submission) -> Accepted:
        await self.let.wait()
        submission.incoming.discard()
        return Accepted(MessageId(1))


class RecordingDialer:
    """Says whom it was to connect, and connects nobody."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def connect(self, address: str, port: int, source: str, timeout: float) -> Stream | NetworkFailure:
        self.asked.append(address)
        return NetworkFailure("connect", "refused")


class ChangingResolver(FakeResolver):
    """A public address the first time, ours ever after: DNS rebinding."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        super().__init__({})
        self.answers = list(answers)

    async def addresses(self, host: str) -> Answer:
        return Answer("found", self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
