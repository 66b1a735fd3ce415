"""The reply reader against random servers: replies or RemoteProtocolError, the same for every split of the bytes."""

import random

from fuzz.rounds import mutated, pieces, run
from goodstanding.errors import RemoteProtocolError
from goodstanding.model import Reply
from goodstanding.wire.reply import ReplyReader, encode_reply

LINES = [
    b"220 mx.test ESMTP\r\n", b"250-mx.test\r\n", b"250-SIZE 1000\r\n", b"250 HELP\r\n", b"250 2.1.0 OK\n", b"354 \r\n",
    b"250\r\n", b"550-5.1.1 The account does not exist\r\n", b"550 5.1.1 at all\r\n", b"421 4.7.0 #4.7.1 x\r\n",
    b"550 #5.7.1 x\r\n", b"250-" + b"x" * 600 + b"\r\n", b"250 \xff\xfe\0\r\n", b"250-x\r\n" * 60,
]  # fmt: skip


def play(chance: random.Random) -> None:
    """One stream of replies, read whole and in pieces; and one reply of ours, read back."""
    octets = mutated(b"".join(chance.choices(LINES, k=chance.randint(1, 12))), chance)
    assert read([octets]) == read(pieces(octets, chance)), octets
    text = mutated(chance.choice(LINES), chance).decode("utf-8", "replace")
    written = encode_reply(Reply(chance.randint(200, 599), chance.choice(["", "5.1.1"]), text))
    assert all(len(line) <= 510 for line in written.split(b"\r\n")), written
    assert len(read([written])) == 1, written


def read(packets: list[bytes]) -> list[Reply | str]:
    """Every reply, and the reason if there can be no more."""
    reader = ReplyReader()
    replies: list[Reply | str] = []
    try:
        for packet in packets:
            replies += reader.receive(packet)
    except RemoteProtocolError as why:
        return [str(why)]
    return replies


if __name__ == "__main__":
    run(play)
