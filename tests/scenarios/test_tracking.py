"""Opens and clicks from submission to journal: over real sockets, signed, answered by the page, told apart."""

import http.client
import re
import ssl

import dkim
import pytest

from goodstanding.evidence import Engaged
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, DOMAINS, NEWS, Estate, mail, return_path
from tests.scenarios.patience import eventually
from tests.scenarios.relay import free_port
from tests.scenarios.sink import Sink
from tests.scenarios.test_fidelity import dns_records

HTML = {"MIME-Version": "1.0", "Content-Type": "text/html"}
TARGET = "https://acme-letters.example/mugs?a=1&b=2"
PAGE = (
    f'<html><body><p>New mugs this week.</p>\r\n<a href="{TARGET.replace("&", "&amp;")}">Look</a>\r\n'
    '<a href="https://acme-letters.example/leave">Unsubscribe</a> Acme Ltd, 1 Main Street, 20121 Milano</body></html>'
)
PEOPLE = ["ann@example.net", "ben@example.net"]


def get(port: int, path: str) -> tuple[int, str]:
    """Status and Location, as a program without a name gets them."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("Location", "")


@pytest.mark.parametrize("tracked", [True, False])
def test_opens_and_clicks_come_back_from_copies_that_are_signed_as_they_left(
    make_relay: MakeRelay, sink: Sink, tracked: bool
) -> None:
    port = free_port()
    track = ['feedback.track=["bulk"]'] if tracked else []
    relay = make_relay("workers=1", f"web.port={port}", *track, admission="enforce")
    estate = Estate(relay)
    estate.permitted(PEOPLE)
    records = dns_records(relay.command("domain", "add", DOMAINS[NEWS], "--tenant", "acme", "--json"))
    relay.start()
    with estate.session(NEWS) as client:
        client.sendmail(return_path(NEWS), PEOPLE, mail(NEWS, PEOPLE[0], "n1 mugs", PAGE, HTML))
    with estate.session(CODES) as client:
        code = PAGE.replace("letters.", "codes.")
        trigger = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
        client.sendmail(return_path(CODES), [PEOPLE[0]], mail(CODES, PEOPLE[0], "c1 code", code, HTML | trigger))
    eventually(lambda: len(sink.mails) == 3, "they arrive")
    news = [one.octets for one in sink.mails if one.token() == "n1"]
    [other] = [one.octets for one in sink.mails if one.token() == "c1"]
    assert other.endswith(f"\r\n\r\n{code}\r\n".encode())
    for octets in news:
        verifier = dkim.DKIM(octets, minkey=1024)
        for i in range(octets.count(b"DKIM-Signature: ")):
            assert verifier.verify(idx=i, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")])
    if not tracked:
        assert all(octets.endswith(f"\r\n\r\n{PAGE}\r\n".encode()) for octets in news)
        return
    base = f"https://127.0.0.1:{port}".encode()
    paths = [re.findall(base + rb"(/[oc]/[^\"]+)\"", octets) for octets in news]
    assert [len(found) for found in paths] == [2, 2]
    assert not set(paths[0]) & set(paths[1])
    assert all(b'<a href="https://acme-letters.example/leave">' in octets for octets in news)
    for click, picture in paths:
        assert get(port, click.decode()) == (302, TARGET)
        assert get(port, picture.decode()) == (200, "")
        assert get(port, click.decode()[:-1]) == (404, "")

    def engaged() -> list[tuple[str, str, str]]:
        told = [event for event in relay.events() if isinstance(event, Engaged)]
        assert all(event.touched.subscription == NEWS for event in told)
        return sorted((event.recipient, event.how, event.by) for event in told)

    expected = [(one, how, "scanner") for one in PEOPLE for how in ("clicked", "opened")]
    eventually(lambda: engaged() == expected, "the journal to tell", 30.0)
