"""The resolver against a real name server on loopback, with the clock and the dice in our hands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from goodstanding.errors import SettingsError
from goodstanding.net.dns import AFTER_FAILURE, LONGEST, SHORTEST, DnsResolver, ResolverSettings
from goodstanding.outside import Answer
from tests.fakes import FakeClock, FakeEntropy

SOA = dns.rrset.from_text("example.", 600, "IN", "SOA", "ns.example. root.example. 1 3600 600 86400 300")
ZONE = """
example.              600 IN MX    20 mx2.example.
example.              600 IN MX    10 mx1.example.
example.              600 IN MX    10 mx0.example.
null.example.         600 IN MX    0 .
brief.example.          0 IN MX    10 mx1.example.
eternal.example. 99999999 IN MX    10 mx1.example.
alias.example.        900 IN CNAME example.
far.example.          900 IN CNAME away.example.
loop.example.         900 IN CNAME loop.example.
only-a.example.       600 IN A     192.0.2.7
mx1.example.          600 IN A     192.0.2.1
mx1.example.          300 IN AAAA  2001:db8::1
mx1.example.          300 IN AAAA  2001:db8::2
half.example.         600 IN A     192.0.2.3
txt.example.          600 IN TXT   "v=spf1 " "-all"
txt.example.          600 IN TXT   "other"
1.2.0.192.in-addr.arpa. 600 IN PTR mx1.example.
"""
BIG = "\n".join(f'big.example. 600 IN TXT "{number:03}{"x" * 200}"' for number in range(40))


class NameServer(asyncio.DatagramProtocol):
    """Answers from ZONE by UDP and TCP; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False
        self.rrsets: dict[tuple[str, str], dns.rrset.RRset] = {}
        for line in (ZONE + BIG).strip().splitlines():
            name, ttl, _, kind, content = line.split(None, 4)
            rrset = dns.rrset.from_text(name, int(ttl), "IN", kind, content)
            self.rrsets.setdefault((name, kind), rrset).add(rrset[0])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self.answer(data, 1232):
            self.transport.sendto(answer, addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        answer = self.answer(await reader.readexactly(size), 65_535)
        writer.write(len(answer).to_bytes(2) + answer)
        writer.close()

    def answer(self, octets: bytes, most: int) -> bytes:
        query = dns.message.from_wire(octets)
        name, kind = query.question[0].name.to_text(), query.question[0].to_text().rpartition(" ")[2]
        self.asked.append(f"{name} {kind}")
        if self.silent:
            return b""
        response = dns.message.make_response(query)
        response.set_rcode(self.fill(response, name, kind))
        try:
            return response.to_wire(max_size=most)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire()

    def fill(self, response: dns.message.Message, name: str, kind: str) -> dns.rcode.Rcode:
        if name == "servfail.example." or (name, kind) == ("half.example.", "AAAA"):
            return dns.rcode.SERVFAIL
        if name == "alias.example.":
            response.answer.append(self.rrsets[name, "CNAME"])
            name = "example."
        if found := self.rrsets.get((name, kind)) or self.rrsets.get((name, "CNAME")):
            response.answer.append(found)
            response.flags |= dns.flags.AD if name == "txt.example." else 0
            return dns.rcode.NOERROR
        response.authority.append(SOA)
        known = any(name == other for other, _ in self.rrsets)
        return dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN


@asynccontextmanager
async def internet(*, remembered: int = 1000) -> AsyncIterator[tuple[DnsResolver, NameServer, FakeClock]]:
    server, clock = NameServer(), FakeClock(1000.0)
    loop = asyncio.get_running_loop()
    tcp = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    udp, _ = await loop.create_datagram_endpoint(lambda: server, ("127.0.0.1", port))
    settings = ResolverSettings(("127.0.0.1",), port, timeout=0.2, remembered=remembered)
    try:
        yield DnsResolver(settings, clock=clock, entropy=FakeEntropy()), server, clock
    finally:
        udp.close()
        tcp.close()


def ask(question: Callable[[DnsResolver], Awaitable[Answer]]) -> Answer:
    async def asking() -> Answer:
        async with internet() as (resolver, _, _):
            return await question(resolver)

    return asyncio.run(asking())


@pytest.mark.parametrize(
    ("question", "status", "records"),
    [
        (lambda dns: dns.mx("null.example"), "found", (".",)),
        (lambda dns: dns.mx("Null.Example."), "found", (".",)),
        (lambda dns: dns.mx("only-a.example"), "nodata", ()),
        (lambda dns: dns.mx("missing.example"), "nxdomain", ()),
        (lambda dns: dns.mx("servfail.example"), "failed", ()),
        (lambda dns: dns.mx("loop.example"), "failed", ()),
        (lambda dns: dns.mx("far.example"), "nxdomain", ()),
        (lambda dns: dns.mx("a..example"), "nxdomain", ()),
        (lambda dns: dns.mx("x" * 64 + ".example"), "nxdomain", ()),
        (lambda dns: dns.mx(".".join(["x" * 60] * 5)), "nxdomain", ()),
        (lambda dns: dns.addresses("mx1.example"), "found", ("2001:db8::1", "192.0.2.1", "2001:db8::2")),
        (lambda dns: dns.addresses("only-a.example"), "found", ("192.0.2.7",)),
        (lambda dns: dns.addresses("half.example"), "found", ("192.0.2.3",)),
        (lambda dns: dns.addresses("txt.example"), "nodata", ()),
        (lambda dns: dns.addresses("missing.example"), "nxdomain", ()),
        (lambda dns: dns.addresses("servfail.example"), "failed", ()),
        (lambda dns: dns.addresses("[192.0.2.9]"), "found", ("192.0.2.9",)),
        (lambda dns: dns.addresses("[IPv6:2001:db8::9]"), "found", ("2001:db8::9",)),
        (lambda dns: dns.txt("txt.example"), "found", ("v=spf1 -all", "other")),
        (lambda dns: dns.pointer("192.0.2.1"), "found", ("mx1.example",)),
        (lambda dns: dns.pointer("192.0.2.2"), "nxdomain", ()),
        (lambda dns: dns.pointer("nonsense"), "failed", ()),
    ],
)
def test_every_answer_is_a_value(
    question: Callable[[DnsResolver], Awaitable[Answer]], status: str, records: tuple[str, ...]
) -> None:
    answer = ask(question)
    assert (answer.status, sorted(answer.records)) == (status, sorted(records))  # a name server may shuffle them
    assert (answer.text != "") >= (status == "failed")


def test_addresses_of_both_families_come_in_turn() -> None:
    answer = ask(lambda dns: dns.addresses("mx1.example"))
    assert [":" in address for address in answer.records] == [True, False, True]


def test_exchangers_come_by_preference() -> None:
    answer = ask(lambda dns: dns.mx("alias.example"))
    assert answer.preferences == (10, 10, 20)
    assert set(answer.records[:2]) == {"mx0.example", "mx1.example"}
    assert answer.records[2] == "mx2.example"


def test_equal_exchangers_share_the_load() -> None:
    async def scenario() -> None:
        async with internet() as (resolver, _, clock):
            first = set()
            for _ in range(20):
                first.add((await resolver.mx("example")).records[0])
                await clock.advance(601)
            assert first == {"mx0.example", "mx1.example"}

    asyncio.run(scenario())


def test_a_long_answer_comes_by_tcp() -> None:
    answer = ask(lambda dns: dns.txt("big.example"))
    assert len(answer.records) == 40


def test_a_proof_of_dnssec_is_reported() -> None:
    assert ask(lambda dns: dns.txt("txt.example")).authentic
    assert not ask(lambda dns: dns.mx("example")).authentic


@pytest.mark.parametrize(
    ("domain", "seconds"),
    [
        ("example", 600),
        ("alias.example", 600),
        ("brief.example", SHORTEST),
        ("eternal.example", LONGEST),
        ("only-a.example", 300),
        ("missing.example", 300),
        ("servfail.example", AFTER_FAILURE),
    ],
)
def test_answers_good_and_bad_are_remembered_as_long_as_they_hold(domain: str, seconds: float) -> None:
    async def scenario() -> None:
        async with internet() as (resolver, server, clock):
            answer = await resolver.mx(domain)
            assert answer.expires == 1000 + seconds
            asked = len(server.asked)
            await clock.advance(seconds - 0.5)
            assert await resolver.mx(domain.upper()) is answer
            assert resolver.cached_mx(domain, clock.now()) is answer
            assert len(server.asked) == asked
            await clock.advance(1)
            assert resolver.cached_mx(domain, clock.now()) is None
            await resolver.mx(domain)
            assert len(server.asked) > asked

    asyncio.run(scenario())


def test_one_question_is_asked_once() -> None:
    async def scenario() -> None:
        async with internet() as (resolver, server, _):
            answers = await asyncio.gather(*(resolver.mx("example") for _ in range(50)))
            assert server.asked == ["example. MX"]
            assert all(answer is answers[0] for answer in answers)

    asyncio.run(scenario())


def test_who_gives_up_waiting_does_not_end_the_question_for_others() -> None:
    async def scenario() -> None:
        async with internet() as (resolver, _, _):
            impatient = asyncio.create_task(resolver.mx("example"))
            patient = asyncio.create_task(resolver.mx("example"))
            await asyncio.sleep(0)
            impatient.cancel()
            assert (await patient).status == "found"

    asyncio.run(scenario())


def test_silence_of_the_name_server_is_a_failure_in_words() -> None:
    async def scenario() -> None:
        async with internet() as (resolver, server, _):
            server.silent = True
            answer = await resolver.mx("example")
            assert (answer.status, answer.text) == ("failed", "the name servers did not answer in time")

    asyncio.run(scenario())


def test_memory_is_bounded() -> None:
    async def scenario() -> None:
        async with internet(remembered=2) as (resolver, _, clock):
            for domain in ("example", "null.example", "alias.example"):
                await resolver.mx(domain)
            assert resolver.cached_mx("example", clock.now()) is None
            assert resolver.cached_mx("alias.example", clock.now()) is not None

    asyncio.run(scenario())


def test_a_name_server_that_is_no_address_is_named() -> None:
    with pytest.raises(SettingsError, match=r"ns\.example"):
        DnsResolver(ResolverSettings(("ns.example",)), clock=FakeClock(), entropy=FakeEntropy())
