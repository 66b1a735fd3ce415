"""What each command does to a server session: one function per verb, found in `COMMANDS`. Internal to `smtp_server`."""

from __future__ import annotations

from collections.abc import Callable

from goodstanding.model import Reply
from goodstanding.wire import smtp_answers as answers
from goodstanding.wire.smtp_auth import Exchange, mechanisms
from goodstanding.wire.smtp_command import is_greeting_name, read_bdat, read_mail, read_rcpt
from goodstanding.wire.smtp_data import ChunkedBody, Wasted
from goodstanding.wire.smtp_dialogue import Dialogue, Transaction
from goodstanding.wire.smtp_events import AuthGiven, BodyStart, Event, MailFrom, Quit, RcptTo, StartTls

AUTH_FAILURE_COST = 5  # errors: with the usual budget of 20 a session may guess four passwords


def obey(dialogue: Dialogue, text: str) -> Event | None:
    """Do what a command line says."""
    verb, _, argument = text.partition(" ")
    verb = verb.upper()
    command = COMMANDS.get(verb)
    if command is None:
        return dialogue.hang_up(answers.NOT_HTTP) if verb in HTTP_VERBS else dialogue.refuse(answers.UNKNOWN)
    if verb in IDLE_VERBS:
        ended = dialogue.idle_on()
        if dialogue.closing:
            return ended
    return command(dialogue, argument.strip(" "))  # RFC 5321 §4.1.1: spaces at the end do no harm


def ehlo(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 5321 §4.1.1.1: also ends a transaction."""
    if not is_greeting_name(argument):
        return dialogue.refuse(answers.NAME_WANTED)
    dialogue.helo = argument
    dialogue.esmtp = True
    dialogue.output.append(answers.hello(dialogue.policy, dialogue.tls))
    return dialogue.forget()


def helo(dialogue: Dialogue, argument: str) -> Event | None:
    """As EHLO, for clients that want no extensions."""
    if not is_greeting_name(argument):
        return dialogue.refuse(answers.NAME_WANTED)
    dialogue.helo = argument
    dialogue.esmtp = False
    dialogue.say(Reply(250, "", dialogue.policy.hostname))
    return dialogue.forget()


def starttls(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 3207 §4."""
    if argument:
        return dialogue.refuse(answers.NO_ARGUMENT)
    if dialogue.tls or not dialogue.policy.tls:
        return dialogue.refuse(answers.TLS_IS_ON if dialogue.tls else answers.NOT_DONE)
    if not dialogue.esmtp or dialogue.transaction:
        return dialogue.refuse(answers.NESTED if dialogue.transaction else answers.EHLO_FIRST)
    dialogue.say(answers.TLS_READY)
    dialogue.input.replace(b"")  # RFC 3207 §5: it came without protection, and could be anybody's
    return dialogue.ask(StartTls())


def auth(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 4954 §4."""
    if dialogue.authenticated or not dialogue.policy.auth:
        return dialogue.refuse(answers.AUTH_IS_DONE if dialogue.authenticated else answers.NOT_DONE)
    if not dialogue.esmtp or dialogue.transaction:
        return dialogue.refuse(answers.AUTH_IN_MAIL if dialogue.transaction else answers.EHLO_FIRST)
    if not dialogue.tls and not dialogue.policy.auth_without_tls:
        return dialogue.refuse(answers.ENCRYPT_FIRST)
    mechanism, _, initial = argument.partition(" ")
    offered = mechanisms(dialogue.policy, dialogue.tls)
    if mechanism.upper() not in offered:
        return dialogue.refuse(answers.unknown_mechanism(mechanism, offered))
    dialogue.exchange = Exchange(mechanism.upper(), dialogue.policy)
    return authenticate(dialogue, dialogue.exchange.begin(initial.strip(" ")))


def authenticate(dialogue: Dialogue, step: Reply | AuthGiven) -> Event | None:
    """One turn of AUTH: a challenge goes out, a claim to the shell; a refusal ends it."""
    if isinstance(step, AuthGiven):
        return dialogue.ask(step)
    if step.code == 334:
        dialogue.say(step)
        return None
    exchange, dialogue.exchange = dialogue.exchange, None
    return dialogue.refuse(step, AUTH_FAILURE_COST if exchange and exchange.failed else None)


def authenticated(dialogue: Dialogue, reply: Reply) -> Event | None:
    """What the shell said to a claim ends AUTH, or goes on with the challenge that tells why it was refused."""
    exchange = dialogue.exchange
    dialogue.authenticated = reply.positive
    if not reply.positive and exchange is not None:
        step = exchange.refuse(reply)
        if step is not reply:
            return authenticate(dialogue, step)
    dialogue.exchange = None
    if reply.positive:
        dialogue.say(reply)
        return None
    # told to come back later it should, not ask on and on
    return dialogue.refuse(reply, AUTH_FAILURE_COST if reply.permanent else 1)


def mail(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 5321 §4.1.1.2."""
    policy = dialogue.policy
    if not dialogue.helo or dialogue.transaction:
        return dialogue.refuse(answers.NESTED if dialogue.helo else answers.HELLO_FIRST)
    if policy.auth_required and not dialogue.authenticated:
        return dialogue.refuse(answers.LOGIN_FIRST if dialogue.tls or not policy.tls else answers.TLS_AND_LOGIN_FIRST)
    dialogue.transactions += 1
    if dialogue.transactions > policy.transactions_limit > 0:  # RFC 9422 §4.1
        return dialogue.hang_up(answers.TOO_MANY_TRANSACTIONS)
    envelope = read_mail(argument, dialogue.extensions, policy.size_limit, policy.size_advice)
    if isinstance(envelope, Reply):
        return dialogue.refuse(envelope)
    return dialogue.ask(MailFrom(envelope.sender, envelope))


def rcpt(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 5321 §4.1.1.3."""
    transaction = dialogue.transaction
    if transaction is None or transaction.chunks is not None:
        return dialogue.out_of_turn(answers.CHUNKS_OPEN if transaction else answers.MAIL_FIRST)
    transaction.commands += 1
    limit = dialogue.policy.recipients_limit
    if transaction.commands > limit:  # patience with one list that ignores LIMITS, not with an endless one
        return dialogue.refuse(answers.too_many_recipients(limit), cost=transaction.commands // (2 * limit + 1))
    recipient = read_rcpt(argument, dialogue.extensions, transaction.envelope.smtputf8, dialogue.policy.hostname)
    return dialogue.refuse(recipient) if isinstance(recipient, Reply) else dialogue.ask(RcptTo(recipient))


def data(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 5321 §4.1.1.4."""
    transaction = dialogue.transaction
    if argument or (transaction and transaction.chunks):  # RFC 3030 §2: not within BDAT
        ended = dialogue.refuse(answers.NO_ARGUMENT if argument else answers.CHUNKS_OPEN)
    elif transaction and transaction.recipients:
        return dialogue.ask(BodyStart(transaction.whole_envelope()))
    else:
        ended = dialogue.out_of_turn(_missing(transaction))
    return ended or refuse_early_body(dialogue)


def refuse_early_body(dialogue: Dialogue) -> Event | None:
    """After a refused DATA, hear no client that did not wait for the answer (RFC 2920 §3.1): it is sending a body."""
    return dialogue.hang_up(answers.EARLY_BODY) if dialogue.input else None


def bdat(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 3030 §2."""
    chunk = read_bdat(argument)
    if chunk is None:  # what follows could be commands or octets
        dialogue.say(answers.BAD_BDAT)
        return dialogue.close()
    transaction = dialogue.transaction
    if transaction is None and chunk[0] > dialogue.policy.size_limit:
        return dialogue.hang_up(answers.ENDLESS_CHUNK)
    if "CHUNKING" not in dialogue.extensions:
        dialogue.body = Wasted(chunk[0], answers.NOT_DONE)
    elif transaction is None or not transaction.recipients:
        dialogue.body = Wasted(chunk[0], _missing(transaction))
    elif transaction.chunks is not None:
        transaction.chunks.begin(*chunk)
        dialogue.body = transaction.chunks
    else:
        transaction.chunks = ChunkedBody(dialogue.policy.size_limit, dialogue.policy.size_advice)
        transaction.chunks.begin(*chunk)
        return dialogue.ask(BodyStart(transaction.whole_envelope()))
    return None


def rset(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 5321 §4.1.1.5."""
    if argument:
        return dialogue.refuse(answers.NO_ARGUMENT)
    dialogue.say(answers.OK)
    return dialogue.forget()


def noop(dialogue: Dialogue, _: str) -> Event | None:
    """RFC 5321 §4.1.1.9."""
    dialogue.say(answers.OK)
    return None


def help_(dialogue: Dialogue, _: str) -> Event | None:
    """RFC 5321 §4.1.1.8."""
    dialogue.say(answers.HELP)
    return None


def vrfy(dialogue: Dialogue, argument: str) -> Event | None:
    """RFC 5321 §3.5.3 and §7.3: whether a mailbox exists is nobody's business."""
    if not argument:
        return dialogue.refuse(answers.MAILBOX_WANTED)
    dialogue.say(answers.PERHAPS)
    return None


def quit_(dialogue: Dialogue, _: str) -> Event | None:
    """RFC 5321 §4.1.1.10."""
    dialogue.say(answers.BYE)
    dialogue.close()
    return Quit()


def not_done(dialogue: Dialogue, _: str) -> Event | None:
    """A command of some standard that we leave out."""
    return dialogue.refuse(answers.NOT_DONE)


def _missing(transaction: Transaction | None) -> Reply:
    """What has to come before a body."""
    if transaction is None:
        return answers.MAIL_FIRST
    return answers.NO_RECIPIENTS if transaction.commands else answers.RCPT_FIRST


COMMANDS: dict[str, Callable[[Dialogue, str], Event | None]] = {
    "EHLO": ehlo,
    "HELO": helo,
    "STARTTLS": starttls,
    "AUTH": auth,
    "MAIL": mail,
    "RCPT": rcpt,
    "DATA": data,
    "BDAT": bdat,
    "RSET": rset,
    "NOOP": noop,
    "QUIT": quit_,
    "VRFY": vrfy,
    "HELP": help_,
    **dict.fromkeys(("EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML"), not_done),
}
IDLE_VERBS = frozenset({"EHLO", "HELO", "MAIL", "RSET", "NOOP", "VRFY", "HELP"})
HTTP_VERBS = frozenset({"GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"})
"""Browsers can be made to send these here, with mail commands in the body (cross-protocol attacks)."""
