"""What a client is told between connecting and its message, in words it can act on."""

from goodstanding.model import Reply

OK = Reply(250, "2.1.0", "sender noted")
OK_RCPT = Reply(250, "2.1.5", "recipient noted")
GO_AHEAD = Reply(354, "", "send the message; end with a dot on a line of its own")
WELCOME = Reply(235, "2.7.0", "welcome")
WRONG = Reply(535, "5.7.8", "user name or password is wrong")
REVOKED = Reply(535, "5.7.8", "this credential was revoked since you logged in; connect again with one that holds")
EXPIRED = Reply(535, "5.7.8", "the token you logged in with has expired; connect again with a new one")
SLOW_DOWN = Reply(454, "4.7.0", "too many failed logins from your address; wait a minute")
NOT_YOU = Reply(535, "5.7.8", "this credential may only act as itself; leave the authorization identity empty")
CROWDED = Reply(421, "4.7.0", "too many connections from your address; close some first")
FULL = Reply(421, "4.3.2", "too many connections; try again in a moment")
FAULT = Reply(451, "4.3.0", "an internal fault kept your message from being stored; try again later")
