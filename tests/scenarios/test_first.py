from tests.scenarios.client import submit
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink


def test_mail_goes_through(relay: Relay, sink: Sink) -> None:
    token = submit(relay.plain)
    relay.wait_until_empty()
    assert sink.tokens() == [token]
