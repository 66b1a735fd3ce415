"""The SMTP client against random servers: events or RemoteProtocolError, and an answer for every recipient."""

import random

from fuzz.rounds import mutated, pieces, run
from goodstanding.errors import RemoteProtocolError
from goodstanding.model import NetworkFailure, Recipient
from goodstanding.wire.smtp_client import BodyWanted, Client, Finished, TlsWanted, Transaction

SERVERS = [
    "220 mx|250-mx;250-PIPELINING;250 SIZE 100|250 ok;250 ok;550 5.1.1 no;354 go|250 2.0.0 queued",
    "220 mx|250-mx;250 STARTTLS|220 go|250-mx;250 AUTH PLAIN LOGIN|235 ok|250 ok|250 ok|250 ok|354 go|250 queued",
    "220 mx|502 what|250 mx|250 2.1.0 ok|550 5.1.1 no|452 4.5.3 no|250 reset|421 4.3.2 bye",
    "220 mx|250-mx;250 LIMITS MAILMAX=1 RCPTMAX=2|250 ok|250 ok|250 ok|354 go|552 5.3.4 too big",
]
"""What they say: ``;`` ends a line, ``|`` a line and what comes in one piece."""
RECIPIENTS = (Recipient("ann@example.org"), Recipient("bob@example.org"))
LOST = NetworkFailure("final", "lost")


def play(chance: random.Random) -> None:
    """One conversation with a server that says nearly what it should, and may cut it anywhere."""
    said = [
        mutated(piece.replace(";", "\r\n").encode() + b"\r\n", chance) for piece in chance.choice(SERVERS).split("|")
    ]
    client = Client("out.example.com", auth=chance.choice([None, ("user", "password")]))
    try:
        for octets in said if chance.random() < 0.5 else pieces(b"".join(said), chance):
            hear(client, octets)
    except RemoteProtocolError:
        pass
    result = client.broken(LOST)
    assert client.over
    assert result is None or len(result.recipients) == len(result.stages) == len(RECIPIENTS)


def hear(client: Client, octets: bytes) -> None:
    """What the shell does with a piece."""
    for event in client.receive(octets):
        match event:
            case TlsWanted():
                client.tls_started()
            case BodyWanted():
                client.body_sent()
            case Finished(result):
                assert len(result.recipients) == len(RECIPIENTS)
                assert not result.accepted or "final" in result.stages
    if client.ready:
        client.transact(Transaction("news@example.com", RECIPIENTS, size=50))
    client.output()


if __name__ == "__main__":
    run(play)
