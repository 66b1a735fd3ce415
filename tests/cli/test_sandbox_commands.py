"""The sandbox from the command line, as a process of its own."""

import json
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.scenario
PREFIX = "127.0.77"


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[dict[str, Any]]:
    options = ["--prefix", PREFIX, "--smtp-port", "0", "--dns-port", "0", "--control-port", "0", "--json"]
    command = [sys.executable, "-m", "goodstanding", "sandbox", *options]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


def test_a_sandbox_is_looked_into_and_steered(goodstanding: Command, ready: dict[str, Any]) -> None:
    port = ("--port", str(ready["control_port"]))
    assert "Gmail-like" in goodstanding("sandbox", "status", *port, "--json").out
    assert goodstanding("sandbox", "mail", *port).out == "No mail there.\n"
    with smtplib.SMTP(f"{PREFIX}.30", ready["smtp_port"]) as smtp:
        smtp.sendmail("a@b.example", ["c@sink.example"], "Subject: hello\r\n\r\nHello.\r\n")
    (mail,) = goodstanding("sandbox", "mail", "sink", *port, "--json").json
    assert "Hello." in goodstanding("sandbox", "show", mail["id"], *port).out
    assert goodstanding("sandbox", "outage", "sink", *port).code == 0
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(f"{PREFIX}.30", ready["smtp_port"])
    assert goodstanding("sandbox", "outage", "sink", "--over", *port).code == 0
    assert "no provider" in goodstanding("sandbox", "outage", "nobody", *port).err
    assert goodstanding("sandbox", "stop", *port).code == 0


def test_its_people_and_what_providers_remember_are_declared_and_looked_at(
    goodstanding: Command, ready: dict[str, Any]
) -> None:
    port = ("--port", str(ready["control_port"]))
    known = goodstanding("sandbox", "know", "inbox@gmail.example", "b.example", "--as", "contact", *port)
    assert known.out == "inbox@gmail.example is a contact of b.example.\n"
    feedback = ("sandbox", "feedback", "outlook", "ip:127.0.0.1", "fbl@b.example", "--host", "127.0.0.1")
    assert "reported to fbl@b.example" in goodstanding(*feedback, *port).out
    assert goodstanding("sandbox", "reputation", *port).out.startswith("Nobody has sent anything")
    established = goodstanding("sandbox", "establish", "ip:127.0.0.1", "--provider", "hosted", *port)
    assert "90 days" in established.out
    assert "no identity" in goodstanding("sandbox", "establish", "127.0.0.1", *port).err
    (opinion,) = goodstanding("sandbox", "reputation", "127.0.0.1", *port, "--json").json
    assert (opinion["provider"], opinion["grade"], opinion["ration"]) == ("hosted", "high", None)
    assert goodstanding("sandbox", "mailbox", *port).out == "No mail there.\n"
    with smtplib.SMTP(f"{PREFIX}.31", ready["smtp_port"]) as smtp:
        smtp.sendmail("a@b.example", ["inbox@hosted.example"], "From: a@b.example\r\nSubject: hi\r\n\r\nHello.\r\n")
    (copy,) = goodstanding("sandbox", "mailbox", "inbox@hosted.example", *port, "--json").json
    assert (copy["expectation"], copy["subject"], copy["from_address"]) == ("cold", "hi", "a@b.example")
    assert "inbox@hosted.example" in goodstanding("sandbox", "mailbox", "b.example", *port).out
    assert "ip:127.0.0.1" in goodstanding("sandbox", "reputation", "hosted", *port).out
