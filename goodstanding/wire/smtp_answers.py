"""What a server session says by itself. People who run mail read these: each tells what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from goodstanding.model import Reply
from goodstanding.wire.reply import encode_reply
from goodstanding.wire.smtp_auth import mechanisms
from goodstanding.wire.smtp_events import ServerPolicy

OK = Reply(250, "2.0.0", "OK")
BYE = Reply(221, "2.0.0", "Bye")
GO_AHEAD = Reply(354, "", "Send the message; end it with CRLF.CRLF")
TLS_READY = Reply(220, "2.0.0", "Begin TLS now")
HELP = Reply(214, "2.0.0", "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT\nSee RFC 5321")
PERHAPS = Reply(252, "2.0.0", "Cannot say whether that mailbox exists; send to it and see")

UNKNOWN = Reply(500, "5.5.2", "Unknown command. HELP lists those known here")
NO_TEXT = Reply(500, "5.5.2", "The line is not UTF-8 text or has a NUL in it. Send commands as text")
LINE_TOO_LONG = Reply(500, "5.5.2", "The line is too long. Send shorter commands, and the message after DATA")
AUTH_LINE_TOO_LONG = Reply(500, "5.5.6", "The response is too long. Authenticate with less than 9000 octets")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument. Leave it out")
NAME_WANTED = Reply(501, "5.5.4", "Say EHLO with the name of your host, such as EHLO client.example.com")
MAILBOX_WANTED = Reply(501, "5.5.4", "Say which mailbox, such as VRFY user@example.com")
NOT_DONE = Reply(502, "5.5.1", "This command is not offered here")
HELLO_FIRST = Reply(503, "5.5.1", "Say EHLO first")
EHLO_FIRST = Reply(503, "5.5.1", "Say EHLO first; HELO brings no extensions")
MAIL_FIRST = Reply(503, "5.5.1", "Say MAIL FROM first")
RCPT_FIRST = Reply(503, "5.5.1", "Say RCPT TO first")
NESTED = Reply(503, "5.5.1", "A transaction is already open. End it with DATA or RSET first")
CHUNKS_OPEN = Reply(503, "5.5.1", "A message is coming in by BDAT. End it with BDAT LAST or RSET first")
NO_RECIPIENTS = Reply(554, "5.5.1", "None of the recipients was accepted; nothing to send")
TLS_IS_ON = Reply(503, "5.5.1", "TLS is already on")
AUTH_IS_DONE = Reply(503, "5.5.1", "Already authenticated. Open another connection to be somebody else")
AUTH_IN_MAIL = Reply(503, "5.5.1", "AUTH is not possible within a transaction. Say RSET first")
ENCRYPT_FIRST = Reply(538, "5.7.11", "Passwords are taken over TLS only. Say STARTTLS first, or use the port for TLS")
LOGIN_FIRST = Reply(530, "5.7.0", "Authentication is required. Say AUTH first")
TLS_AND_LOGIN_FIRST = Reply(530, "5.7.0", "Authentication is required. Say STARTTLS, then AUTH first")
BAD_BDAT = Reply(501, "5.5.4", "Write BDAT octets or BDAT octets LAST. Closing: what follows could be anything")

BARE_LINE_END = "Commands end with CRLF, and hold no other CR or LF"
EARLY_BODY = "Input came before the answer to DATA, and a body must not be taken for commands"
ENDLESS_CHUNK = "Say MAIL FROM first; a chunk of that size is not read for nothing"
TLS_ON_PLAIN_PORT = "This port begins without TLS. Use STARTTLS, or connect to the port for implicit TLS"
NOT_HTTP = "This is a mail server, not a web server"
TOO_MANY_ERRORS = "Too many errors. Mend the client and connect again"
TOO_MANY_IDLE = "Too many commands without a message. Connect again when there is mail to send"
TOO_MANY_TRANSACTIONS = "Too many transactions in one session. Connect again to send more"


def too_many_recipients(limit: int) -> Reply:
    """The refusal of one more RCPT (RFC 5321 §4.5.3.1.10)."""
    return Reply(452, "4.5.3", f"Over {limit} recipients in one transaction. Send to the rest in another")


def unknown_mechanism(mechanism: str, offered: Sequence[str]) -> Reply:
    """The refusal of an AUTH mechanism (RFC 4954 §4)."""
    use = "Use AUTH " + " or ".join(offered)
    if not mechanism:
        return Reply(501, "5.5.4", f"AUTH needs the name of a mechanism. {use}")
    return Reply(504, "5.5.4", f"{mechanism[:20].upper()} is not offered here. {use}")


@lru_cache(maxsize=64)
def hello(policy: ServerPolicy, tls: bool) -> bytes:
    """The answer to EHLO, ready to send."""
    offers = policy.extensions
    keywords = [policy.hostname]
    if "PIPELINING" in offers:
        keywords.append("PIPELINING")
    if "SIZE" in offers:
        keywords.append(f"SIZE {policy.size_limit}")
    if policy.tls and not tls:
        keywords.append("STARTTLS")
    if policy.auth and (tls or policy.auth_without_tls):
        keywords.append("AUTH " + " ".join(mechanisms(policy, tls)))
    keywords += [word for word in ("ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING") if word in offers]
    if "LIMITS" in offers:  # RFC 9422 §4
        most = f" MAILMAX={policy.transactions_limit}" if policy.transactions_limit else ""
        keywords.append(f"LIMITS{most} RCPTMAX={policy.recipients_limit}")
    return encode_reply(Reply(250, "", "\n".join([*keywords, "HELP"])))
