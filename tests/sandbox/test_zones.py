"""What the name server says, as values and as packets."""

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import SettingsError
from goodstanding.outside import Answer
from goodstanding.sandbox.catalogue import built_in
from goodstanding.sandbox.dns import TCP_SIZE, UDP_SIZE, respond
from goodstanding.sandbox.zones import Zones, of_catalogue, zone

LONG = "v=DKIM1; k=rsa; p=" + "A" * 400


def world() -> Zones:
    zones = Zones()
    for published in of_catalogue(built_in(), "127.0.10"):
        zones.add(published)
    zones.add(
        zone(
            "Acme.Example.",
            [
                ("@", "MX", "20 b"),
                ("@", "mx", "10 a.acme.example."),
                ("a", "A", "127.0.0.1"),
                ("s1._domainkey", "TXT", LONG),
                ("@", "TXT", 'quotes " and \\ and ü'),
                ("www", "CNAME", "a"),
                ("far", "CNAME", "gmail.example."),
                ("dangling", "CNAME", "gone.example."),
                ("loop", "CNAME", "loop"),
                ("*", "A", "127.0.0.9"),
                ("*.deep", "TXT", "star"),
            ],
        )
    )
    return zones


ZONES = world()


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("gmail.example", "MX", ["gmail-smtp-in.l.gmail.example", "alt1.gmail-smtp-in.l.gmail.example"]),
        ("startup.example", "MX", ["gmail-smtp-in.l.gmail.example", "alt1.gmail-smtp-in.l.gmail.example"]),
        ("GMAIL.Example.", "MX", ["gmail-smtp-in.l.gmail.example", "alt1.gmail-smtp-in.l.gmail.example"]),
        ("outlook-example.olc.protection.outlook.example", "A", ["127.0.10.3", "127.0.10.4"]),
        ("mta5.am0.yahoodns.example", "A", ["127.0.10.5"]),
        ("mail.sixfirst.example", "AAAA", ["::1"]),
        ("1.10.0.127.in-addr.arpa", "PTR", ["gmail-smtp-in.l.gmail.example"]),
        ("nomx.example", "MX", "nodata"),
        ("nomx.example", "A", ["127.0.10.28"]),
        ("nullmx.example", "MX", ["."]),
        ("servfail.example", "MX", "failed"),
        ("below.servfail.example", "A", "failed"),
        ("nohost.example", "MX", ["gone.nohost.example"]),
        ("gone.nohost.example", "A", "nxdomain"),
        ("nomail.example", "MX", "nodata"),
        ("nowhere.example", "MX", "nxdomain"),
        ("example.com", "MX", "nxdomain"),
        ("one.sink.example", "MX", ["mx.sink.example"]),
        ("one.two.sink.example", "MX", ["mx.sink.example"]),
        ("acme.example", "MX", ["a.acme.example", "b.acme.example"]),
        ("acme.example", "TXT", ['quotes " and \\ and ü']),
        ("s1._domainkey.acme.example", "TXT", [LONG]),
        ("_domainkey.acme.example", "TXT", "nodata"),
        ("www.acme.example", "A", ["127.0.0.1"]),
        ("far.acme.example", "MX", ["gmail-smtp-in.l.gmail.example", "alt1.gmail-smtp-in.l.gmail.example"]),
        ("dangling.acme.example", "A", "nxdomain"),
        ("loop.acme.example", "A", "failed"),
        ("anything.acme.example", "A", ["127.0.0.9"]),
        ("anything.acme.example", "TXT", "nodata"),
        ("x.deep.acme.example", "TXT", ["star"]),
        ("x.deep.acme.example", "A", "nodata"),
        ("a.a.acme.example", "A", "nxdomain"),
        ("", "A", "nxdomain"),
    ],
)
def test_what_is_known_about_a_name(name: str, kind: str, answer: list[str] | str) -> None:
    expected = Answer("found", tuple(answer)) if isinstance(answer, list) else Answer(answer)  # type: ignore[arg-type]
    assert ZONES.lookup(name, kind) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (("@", "A", "300.1.1.1"), "zone z.example: @ A '300.1.1.1': Text input is malformed"),
        (("@", "NONSENSE", "x"), "zone z.example: @ NONSENSE 'x'"),
        (("other.example.", "A", "127.0.0.1"), "lies outside the zone"),
        (("a" * 64, "A", "127.0.0.1"), "A DNS label is > 63 octets long"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_in_words(line: tuple[str, str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        zone("z.example", [line])
    assert problem in str(refused.value)


def test_a_zone_whose_name_is_none_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match=r"zone a\.\.example: A DNS label is empty"):
        zone("a..example", [])


def test_a_zone_published_again_replaces_the_first() -> None:
    zones = world()
    zones.add(zone("acme.example", [("@", "A", "127.0.0.2")]))
    assert zones.lookup("acme.example", "MX").status == "nodata"
    assert zones.lookup("acme.example", "A").records == ("127.0.0.2",)


def ask(name: str, kind: str, *, size: int = UDP_SIZE, edns: bool = False) -> dns.message.Message:
    answer = respond(ZONES, dns.message.make_query(name, kind, use_edns=edns).to_wire(), size=size)
    assert answer is not None
    return dns.message.from_wire(answer)


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "answers", "authority"),
    [
        ("yahoo.example", "MX", "NOERROR", 1, 0),
        ("yahoo.example", "A", "NOERROR", 0, 1),
        ("nowhere.example", "A", "NXDOMAIN", 0, 1),
        ("servfail.example", "A", "SERVFAIL", 0, 0),
        ("www.acme.example", "A", "NOERROR", 2, 0),
        ("dangling.acme.example", "A", "NXDOMAIN", 1, 1),
        ("acme.example", "SOA", "NOERROR", 1, 0),
        ("acme.example", "NS", "NOERROR", 1, 0),
    ],
)
def test_the_parts_of_a_packet(name: str, kind: str, rcode: str, answers: int, authority: int) -> None:
    message = ask(name, kind)
    assert dns.rcode.to_text(message.rcode()) == rcode
    assert (len(message.answer), len(message.authority)) == (answers, authority)
    assert message.flags & dns.flags.AA


def test_an_answer_too_long_for_udp_is_cut_and_whole_over_tcp() -> None:
    ZONES.add(zone("long.example", [("@", "TXT", f"{n} " + "x" * 200) for n in range(20)]))
    for edns in (False, True):
        assert ask("long.example", "TXT", edns=edns).flags & dns.flags.TC
    whole = ask("long.example", "TXT", size=TCP_SIZE)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 20


def test_what_is_no_query_gets_no_answer_or_a_refusal() -> None:
    response = dns.message.make_response(dns.message.make_query("gmail.example", "MX"))
    assert respond(ZONES, response.to_wire(), size=UDP_SIZE) is None
    update = dns.message.make_query("gmail.example", "MX")
    update.set_opcode(dns.opcode.NOTIFY)
    answer = respond(ZONES, update.to_wire(), size=UDP_SIZE)
    assert answer is not None
    assert dns.message.from_wire(answer).rcode() == dns.rcode.NOTIMP


QUESTION = dns.message.make_query("gmail.example", "MX", use_edns=True).to_wire()


@given(
    st.binary(max_size=200)
    | st.tuples(st.integers(0, len(QUESTION)), st.binary(max_size=4)).map(
        lambda cut: QUESTION[: cut[0]] + cut[1] + QUESTION[cut[0] + len(cut[1]) :]
    )
)
def test_garbage_is_answered_or_ignored(packet: bytes) -> None:
    answer = respond(ZONES, packet, size=UDP_SIZE)
    assert answer is None or len(answer) <= UDP_SIZE


@given(st.text(max_size=80), st.sampled_from(["A", "MX", "TXT", "PTR"]))
def test_any_name_can_be_asked_for(name: str, kind: str) -> None:
    assert ZONES.lookup(name, kind).status in ("nxdomain", "nodata", "found", "failed")
