"""A client that does not wait for its answers gets them in order, and is read again only when it has been answered."""

import asyncio
from dataclasses import replace

from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.settings import SubmissionSettings
from goodstanding.submission.authentication import Credentials, TrustedNetworks
from goodstanding.submission.reception import Reception
from goodstanding.submission.smtp_listener import Conversation
from tests.fakes import FakeClock, RecordingTransport, SlowDoor

APP = Identity(TenantName("acme"), SubscriptionName("acme/app"), Stream.BULK)
LETTER = b"MAIL FROM:<a@acme.example>\r\nRCPT TO:<b@isp.example>\r\nBDAT 1 LAST\r\nx"


def test_an_impatient_client_is_read_again_only_after_its_answers() -> None:
    async def scenario() -> list[str]:
        door, transport = SlowDoor(), RecordingTransport()
        reception = Reception(
            settings=SubmissionSettings(),
            hostname="relay.example",
            clock=FakeClock(),
            door=door,  # type: ignore[arg-type]
            spool=None,  # type: ignore[arg-type]
            credentials=Credentials(b"", {}),
            trusted=TrustedNetworks([("127.0.0.0/8", APP)]),
            tls=None,
        )
        policy = replace(reception.policy("none"), auth_required=False)
        conversation = Conversation(reception, policy, policy, False)
        conversation.connection_made(transport)
        conversation.data_received(b"EHLO app.example\r\n" + LETTER)
        conversation.data_received(LETTER)
        transport.calls.clear()
        door.let.set()
        for _ in range(10):
            await asyncio.sleep(0)
        return transport.calls

    calls = asyncio.run(scenario())
    assert calls[-1] == "resume"
    assert [call.count("accepted as") for call in calls[:-1]] == [1, 1]
