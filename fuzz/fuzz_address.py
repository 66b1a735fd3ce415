"""The address parsers against anything: an address that reads the same again, or nothing."""

import random

from fuzz.rounds import mutated, run
from goodstanding.wire.address import domain_to_ascii, parse_path, split_path, xtext_decode, xtext_encode

SEEDS = [
    "<user@example.com> SIZE=1", '<"john \\"x\\" smith"@example.com>', "<user@[IPv6:2001:db8::1]>", "<u@[192.0.2.1]>",
    "<@a.test,@b.test:user@example.com>", "<jürgen@bücher.example> SMTPUTF8", "<用户@例子。测试>", "<a@xn--abc.de>",
    "user..@docomo.ne.jp", "<Postmaster>", "<>", "<" + "a." * 500 + "@" + "ü." * 500 + ">", "<a@" + "ü" * 1900 + ">",
    "a+2Bb+20c", '<"' + "\\" * 1900 + '@x>', "<" + "@a," * 600 + ":a@b>",
]  # fmt: skip


def play(chance: random.Random) -> None:
    """One argument of MAIL or RCPT."""
    argument = mutated(chance.choice(SEEDS).encode(), chance).decode("utf-8", "replace")
    path, rest = split_path(argument)
    assert len(path) + len(rest) <= len(argument)
    smtputf8 = chance.random() < 0.5
    address = parse_path(path, smtputf8=smtputf8, null=True) if path else None
    if address:
        assert address.isprintable() and len(address.encode()) <= 254, argument
        assert parse_path(f"<{address}>", smtputf8=smtputf8) == address, argument
        assert split_path(f"<{address}> X=1") == (f"<{address}>", "X=1"), argument
    domain = domain_to_ascii(argument)
    assert domain is None or (domain.isascii() and domain_to_ascii(domain) == domain), argument
    xtext_decode(argument)
    assert xtext_decode(xtext_encode(argument)) == argument


if __name__ == "__main__":
    run(play)
