"""What a server offers decides what is said to it."""

import pytest

from goodstanding.errors import LocalProtocolError
from goodstanding.model import Recipient
from goodstanding.wire.capabilities import RECIPIENTS_LIMIT, Capabilities, read_capabilities
from goodstanding.wire.transaction import Transaction

ANN, BOB, EVE = Recipient("ann@example.org"), Recipient("bob@example.org"), Recipient("eve@example.org")


def offering(*extensions: str) -> Capabilities:
    return read_capabilities("\n".join(("mx.example.org", *extensions)))


@pytest.mark.parametrize(
    ("extensions", "transaction", "mail"),
    [
        ((), Transaction("", (ANN,), size=10), b"MAIL FROM:<>"),
        (("SIZE",), Transaction("", (ANN,), size=10), b"MAIL FROM:<> SIZE=10"),
        (("SIZE 10",), Transaction("", (ANN,), size=10), b"MAIL FROM:<> SIZE=10"),
        (("8BITMIME",), Transaction("", (ANN,)), b"MAIL FROM:<>"),
        (("8BITMIME",), Transaction("", (ANN,), eight_bit=True), b"MAIL FROM:<> BODY=8BITMIME"),
        (
            ("8BITMIME", "SMTPUTF8"),
            Transaction("grüße@example.com", (ANN,), eight_bit=True, smtputf8=True),
            "MAIL FROM:<grüße@example.com> BODY=8BITMIME SMTPUTF8".encode(),
        ),
        (("DSN",), Transaction("", (ANN,), ret="HDRS", envid="x+3D1"), b"MAIL FROM:<> RET=HDRS ENVID=x+3D1"),
        ((), Transaction("", (ANN,), ret="HDRS", envid="x+3D1"), b"MAIL FROM:<>"),
    ],
)
def test_mail_has_the_parameters_the_server_knows(
    extensions: tuple[str, ...], transaction: Transaction, mail: bytes
) -> None:
    assert offering(*extensions).commands(transaction)[0] == ("mail", mail + b"\r\n")


@pytest.mark.parametrize(
    ("extensions", "rcpt"),
    [
        ((), b"RCPT TO:<ann@example.org>"),
        (("DSN",), b"RCPT TO:<ann@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+40old"),
    ],
)
def test_wishes_for_notices_are_passed_on_where_they_are_understood(extensions: tuple[str, ...], rcpt: bytes) -> None:
    recipient = Recipient("ann@example.org", ("FAILURE", "DELAY"), "rfc822;ann+40old")
    assert offering(*extensions).commands(Transaction("", (recipient,)))[1] == ("rcpt", rcpt + b"\r\n")


@pytest.mark.parametrize(
    ("extensions", "transaction", "reply"),
    [
        (("SIZE 1000",), Transaction("", (ANN,), size=1001), "552 5.3.4"),
        ((), Transaction("", (ANN,), eight_bit=True), "554 5.6.3"),
        (("8BITMIME",), Transaction("", (ANN,), smtputf8=True), "553 5.6.7"),
        (("SIZE 1000", "SMTPUTF8"), Transaction("", (ANN,), size=1000, eight_bit=True, smtputf8=True), "None"),
    ],
)
def test_what_a_server_cannot_take_is_known_beforehand(
    extensions: tuple[str, ...], transaction: Transaction, reply: str
) -> None:
    assert str(offering(*extensions).objection(transaction)).startswith(reply)


@pytest.mark.parametrize(
    "transaction",
    [
        Transaction("a@b\r\nRCPT TO:<c@d>", (ANN,)),
        Transaction("", (Recipient("a@b>\nDATA"),)),
        Transaction("grüße@example.com", (ANN,)),
    ],
)
def test_a_command_that_would_be_two_never_goes_out(transaction: Transaction) -> None:
    with pytest.raises(LocalProtocolError):
        offering().commands(transaction)


def test_limits_of_the_server_are_read() -> None:
    server = offering("LIMITS MAILMAX=1 RCPTMAX=2 rcptdomainmax=1 FUTURE")
    assert (server.mails_limit, server.recipients_limit, server.domains_limit) == (1, 2, 1)
    assert server.portion([ANN, BOB, EVE]) == 2
    assert server.portion([ANN, Recipient("x@elsewhere.example"), BOB]) == 1


def test_without_limits_a_transaction_has_what_every_server_takes() -> None:
    assert Capabilities().portion([ANN] * 1000) == RECIPIENTS_LIMIT
    assert Capabilities().portion([ANN]) == 1


@pytest.mark.parametrize(
    ("text", "extensions"),
    [
        ("mx.example.org", {}),
        ("mx greets you\nSIZE 3588 \n8bitmime", {"SIZE": "3588", "8BITMIME": ""}),
        ("mx\nAUTH=PLAIN LOGIN", {"AUTH": "PLAIN LOGIN"}),
        ("mx\n\nX-WHAT ever\n", {"X-WHAT": "ever"}),
    ],
)
def test_extensions_are_read_from_the_answer_to_ehlo(text: str, extensions: dict[str, str]) -> None:
    assert read_capabilities(text).extensions == extensions


@pytest.mark.parametrize("size", ["", "0", "-1", "many", "٣", "9" * 40])
def test_a_size_that_means_nothing_limits_nothing(size: str) -> None:
    assert Capabilities({"SIZE": size}).size_limit == 0


def test_an_original_recipient_outside_ascii_goes_only_where_smtputf8_goes() -> None:
    ann = Recipient("ann@example.org", orcpt="utf-8;änn@example.org")
    plain = offering("DSN", "SMTPUTF8").commands(Transaction("", (ann,)))
    assert plain[1] == ("rcpt", b"RCPT TO:<ann@example.org>\r\n")
    international = offering("DSN", "SMTPUTF8").commands(Transaction("", (ann,), smtputf8=True))
    assert international[1] == ("rcpt", "RCPT TO:<ann@example.org> ORCPT=utf-8;änn@example.org\r\n".encode())
