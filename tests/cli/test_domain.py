"""``goodstanding domain``, with a name server on loopback."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from goodstanding.sandbox.dns import Datagrams, NameServer, Questions
from goodstanding.sandbox.zones import Line, Zones, zone
from tests.cli.conftest import Command

IP = "127.0.1.1"


@dataclass
class Internet:
    """The name server, and what it says."""

    server: NameServer
    port: int = 0

    def publish(self, said: Any, *without: str, more: list[Line] | None = None) -> None:
        """Everything a sheet asks for, but what has one of these words."""
        lines = [(f"{record['name']}.", record["type"], record["value"]) for record in said["records"]]
        kept = [line for line in lines if not any(word in " ".join(line) for word in without)]
        self.server.zones.add(zone("shop.example", [*kept, *(more or [])]))


@pytest.fixture
def internet() -> Iterator[Internet]:
    """A name server in a thread of its own, over UDP and TCP."""
    loop, found, ready = asyncio.new_event_loop(), Internet(NameServer(Zones())), threading.Event()

    async def listen() -> None:
        tcp = await loop.create_server(lambda: Questions(found.server), "127.0.0.1", 0)
        found.port = tcp.sockets[0].getsockname()[1]
        await loop.create_datagram_endpoint(lambda: Datagrams(found.server), ("127.0.0.1", found.port))
        ready.set()

    def live() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(listen())
        loop.run_forever()

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield found
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def configured(internet: Internet, data_dir: Path) -> None:
    """Settings that ask this name server, and stop a domain the second time it is found without records."""
    config = data_dir.parent / "goodstanding.toml"
    config.write_text(
        f'hostname = "mta.shop.example"\ndata_dir = "{data_dir}"\nlog.mail = "off"\n'
        f'dns = {{nameservers = ["127.0.0.1"], port = {internet.port}, timeout = 0.5}}\n'
        f"admission.domain_grace = 0\n"
        f'[[pools]]\nname = "otp"\naddresses = ["{IP}"]\nbounce_domain = "b.shop.example"\n'
    )


ADD = ("domain", "add", "shop.example", "--tenant", "shop", "--stream", "transactional")


@pytest.mark.usefixtures("configured")
def test_a_domain_is_onboarded_loses_its_records_and_gets_them_back(goodstanding: Command, internet: Internet) -> None:
    said = goodstanding(*ADD, "--json").json

    def verified() -> tuple[int, str]:
        looked = goodstanding("domain", "verify", "shop.example", "--json")
        return looked.code, looked.json[0]["state"]

    internet.publish(said, "spf1")
    assert verified() == (1, "pending")
    internet.publish(said)
    assert verified() == (0, "verified")
    internet.publish(said, "rsa")
    assert verified() == (1, "warned")
    internet.server.silent = True
    assert verified() == (1, "warned")
    internet.server.silent = False
    assert verified() == (1, "stopped")
    assert "there is no record" in goodstanding("domain", "list").out
    internet.publish(said)
    assert verified() == (0, "verified")


@pytest.mark.usefixtures("configured")
def test_verify_tells_what_is_missing_and_what_to_do(goodstanding: Command, internet: Internet) -> None:
    internet.publish(goodstanding(*ADD, "--json").json, "spf1")
    said = goodstanding("domain", "verify", "shop.example")
    assert said.code == 1
    assert 'b.shop.example TXT "v=spf1 ip4:127.0.1.1 -all"' in said.out
    assert "nothing is sent from it" in said.out


@pytest.mark.usefixtures("configured")
def test_keys_are_rotated_with_overlap(goodstanding: Command, internet: Internet) -> None:
    before = goodstanding(*ADD, "--json").json
    internet.publish(before)
    goodstanding("domain", "verify", "--all")
    rotated = goodstanding("domain", "rotate", "shop.example", "--json").json
    assert goodstanding("domain", "rotate", "shop.example", "--json").json == rotated

    def selectors() -> tuple[list[str], list[str]]:
        (row,) = goodstanding("domain", "list", "--json").json
        return row["selectors"], row["waiting"]

    old, new = selectors()
    assert goodstanding("domain", "verify", "shop.example").code == 0
    assert selectors() == (old, new) and len(old) == len(new) == 2
    internet.publish(rotated)
    assert "signs from now on" in goodstanding("domain", "verify", "shop.example").out
    assert selectors() == (new, [])
    listed = goodstanding("domain", "records", "shop.example").out
    assert all(selector in listed for selector in (*old, *new)) and "mail under way" in listed


@pytest.mark.usefixtures("configured")
def test_link_and_bounce_domains_need_no_token_below_a_verified_domain(
    goodstanding: Command, internet: Internet
) -> None:
    internet.publish(goodstanding(*ADD, "--json").json, more=[("l.shop.example.", "A", "127.0.0.1")])
    assert goodstanding(*ADD[:2], "l.shop.example", *ADD[3:], "--kind", "link").code == 0
    assert goodstanding(*ADD[:2], "b.shop.example", *ADD[3:], "--kind", "bounce").code == 0
    looked = goodstanding("domain", "verify", "b.shop.example", "shop.example", "--json")
    assert [row["state"] for row in looked.json] == ["pending", "verified"]
    assert goodstanding("domain", "verify", "--all").code == 0


@pytest.mark.usefixtures("configured")
def test_a_block_list_is_asked_when_named(goodstanding: Command, internet: Internet) -> None:
    internet.publish(goodstanding(*ADD, "--json").json)
    internet.server.zones.add(zone("zen.example", [("1.1.0.127", "A", "127.0.0.2")]))
    said = goodstanding("domain", "verify", "shop.example", "--dnsbl", "zen.example", "--json")
    (check,) = [check for check in said.json[0]["checks"] if check["slug"] == "dnsbl"]
    assert check["ok"] is False and "zen.example" in check["because"]


REFUSED = [
    (("add", "a.shop.example", "--tenant", "bank"), "belongs to tenant shop"),
    (("add", "shop.example", "--tenant", "bank"), "belongs to tenant shop"),
    (("add", "shop.example", "--tenant", "shop", "--stream", "bulk"), "domain set"),
    (("add", "co.uk", "--tenant", "bank"), "public suffix"),
    (("add", "no domain", "--tenant", "bank"), "is not a domain"),
    (("verify",), "--all"),
    (("verify", "bank.example"), "no domain"),
    (("rotate", "bank.example"), "no domain"),
    (("records", "bank.example"), "no domain"),
    (("remove", "bank.example"), "no domain"),
]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("words", "remedy"), REFUSED)
def test_what_is_refused_names_its_remedy_and_changes_nothing(
    goodstanding: Command, words: tuple[str, ...], remedy: str
) -> None:
    goodstanding(*ADD)
    said = goodstanding("domain", *words)
    assert said.code == 1 and remedy in said.err
    assert [row["name"] for row in goodstanding("tenant", "list", "--json").json] == ["shop"]
