"""Amazon SES: events in every envelope, and the string that SNS signs."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback import ses, sns
from goodstanding.feedback.json_tree import parse
from goodstanding.model import BounceClass

TOKEN = "b+0h7kq2x9m4n8p-0-5f0c9a61d2e4"
MAIL = {
    "timestamp": "2026-11-23T09:00:00.000Z",
    "source": f"{TOKEN}@bounces.shop.example",
    "messageId": "ses-1",
    "destination": ["kim@provider.example"],
    "headers": [{"name": "CFBL-Feedback-ID", "value": "c7c3b1f0"}],
    "commonHeaders": {"messageId": "<m1@shop.example>"},
}


def bounced(kind: str, subkind: str, diagnosis: str = "", status: str = "") -> dict[str, object]:
    recipient = {"emailAddress": "kim@provider.example", "diagnosticCode": diagnosis, "status": status}
    return {
        "notificationType": "Bounce",
        "mail": MAIL,
        "bounce": {
            "bounceType": kind,
            "bounceSubType": subkind,
            "bouncedRecipients": [recipient],
            "timestamp": "2026-11-23T09:00:02Z",
            "reportingMTA": "dns; a1.smtp-out.example",
        },
    }


def enveloped(event: object) -> dict[str, object]:
    return {
        "Type": "Notification",
        "MessageId": "sns-1",
        "TopicArn": "arn:aws:sns:us-west-2:1:shop",
        "Message": json.dumps(event),
        "Timestamp": "2026-11-23T09:00:03Z",
        "SignatureVersion": "2",
        "Signature": "c2lnbmVk",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
    }


@pytest.mark.parametrize(
    ("kind", "subkind", "diagnosis", "klass", "hard"),
    [
        ("Permanent", "General", "smtp; 550 5.1.1 user unknown", BounceClass.NO_SUCH_USER, True),
        ("Permanent", "NoEmail", "", BounceClass.NO_SUCH_USER, True),
        ("Permanent", "General", "smtp; 550 5.7.1 blocked using zen.spamhaus.org", BounceClass.REPUTATION, False),
        ("Permanent", "Suppressed", "Amazon SES has suppressed sending", BounceClass.SUPPRESSED, False),
        ("Permanent", "OnAccountSuppressionList", "", BounceClass.SUPPRESSED, False),
        ("Transient", "General", "smtp; 550 5.1.1 user unknown", BounceClass.NO_SUCH_USER, False),
        ("Transient", "MailboxFull", "", BounceClass.MAILBOX_FULL, False),
        ("Transient", "MessageTooLarge", "", BounceClass.TOO_LARGE, False),
        ("Undetermined", "Undetermined", "", BounceClass.UNDETERMINED, False),
    ],
)
def test_a_bounce_is_hard_when_amazon_and_the_host_agree(
    kind: str, subkind: str, diagnosis: str, klass: BounceClass, hard: bool
) -> None:
    (found,) = ses.read_json(json.dumps(bounced(kind, subkind, diagnosis)).encode())
    assert (found.kind, found.klass, found.hard) == ("bounce", klass, hard)


@pytest.mark.parametrize("wrap", [lambda event: event, enveloped, lambda event: {"source": "aws.ses", "detail": event}])
def test_every_envelope_is_opened(wrap) -> None:  # type: ignore[no-untyped-def]
    (found,) = ses.read_json(json.dumps(wrap(bounced("Permanent", "NoEmail"))).encode())
    assert (found.recipients, found.message_id) == (("kim@provider.example",), "m1@shop.example")
    assert found.tokens == (TOKEN, "c7c3b1f0")
    assert found.arrived == 1795424402.0


def event(kind: str, **parts: object) -> bytes:
    return json.dumps({"eventType": kind, "mail": MAIL, **parts}).encode()


BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
DELAY = {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "kim@provider.example"}]}
DELIVERY = {"recipients": ["kim@provider.example"], "smtpResponse": "250 2.0.0 OK"}


def preference(left: bool) -> dict[str, object]:
    return {"newTopicPreferences": {"unsubscribeAll": left, "topicSubscriptionStatus": []}}


@pytest.mark.parametrize(
    ("word", "part", "body", "kind", "detail"),
    [
        ("Delivery", "delivery", DELIVERY, "success", "Delivery"),
        ("DeliveryDelay", "deliveryDelay", DELAY, "delay", "MailboxFull"),
        ("Open", "open", {"userAgent": BROWSER, "ipAddress": "192.0.2.1"}, "open", ""),
        ("Open", "open", {"userAgent": "Mozilla/5.0"}, "open", "proxy"),
        ("Click", "click", {"link": "https://shop.example/", "userAgent": BROWSER}, "click", "https://shop.example/"),
        ("Click", "click", {"userAgent": BROWSER, "timestamp": "2026-11-23T09:00:03Z"}, "click", "scanner"),
        ("Reject", "reject", {"reason": "Bad content"}, "bounce", "Bad content"),
        ("Rendering Failure", "failure", {"errorMessage": "no name"}, "bounce", "no name"),
        ("Subscription", "subscription", preference(True), "unsubscribe", "Subscription"),
        ("Subscription", "subscription", preference(False), "ordinary", "Subscription"),
        ("Send", "send", {}, "ordinary", "Send"),
        ("Complaint", "complaint", {"complaintFeedbackType": "not-spam"}, "not-spam", "not-spam"),
        (
            "Complaint", "complaint", {"complaintSubType": "OnAccountSuppressionList"},
            "bounce", "OnAccountSuppressionList",
        ),
    ],
)  # fmt: skip
def test_every_event_has_its_reading(word: str, part: str, body: dict[str, object], kind: str, detail: str) -> None:
    (found,) = ses.read_json(event(word, **{part: body}))
    assert (found.kind, found.detail) == (kind, detail)


@pytest.mark.parametrize(
    "octets", [b"", b"{}", b"[]", b'{"notificationType":"Bounce"}', b'{"eventType":"New","mail":{}}']
)
def test_what_is_none_of_ses_says_nothing(octets: bytes) -> None:
    assert ses.read_json(octets) == []


def test_the_signature_covers_the_fields_in_their_order() -> None:
    document = enveloped({"x": 1}) | {"Subject": "Zwei\nZeilen"}
    envelope = sns.envelope(parse(json.dumps(document).encode()))
    assert envelope is not None
    assert envelope.string_to_sign == (
        b'Message\n{"x": 1}\nMessageId\nsns-1\nSubject\nZwei\nZeilen\nTimestamp\n2026-11-23T09:00:03Z\n'
        b"TopicArn\narn:aws:sns:us-west-2:1:shop\nType\nNotification\n"
    )
    assert (envelope.hash_name, envelope.signature) == ("sha256", b"signed")


def test_a_message_longer_than_we_keep_is_signed_in_full() -> None:
    envelope = sns.envelope(parse(json.dumps(enveloped("x" * 200_000)).encode()))
    assert envelope is not None
    assert len(envelope.string_to_sign) > 200_000


@pytest.mark.parametrize(("version", "hashed"), [("1", hashes.SHA1()), ("2", hashes.SHA256())])
def test_only_what_the_certificate_signed_is_believed(version: str, hashed: hashes.HashAlgorithm) -> None:
    key, certificate = certified()
    document = enveloped({"x": 1}) | {"SignatureVersion": version}
    signature = key.sign(sns.string_to_sign(parse(json.dumps(document).encode())), padding.PKCS1v15(), hashed)
    good = document | {"Signature": b64encode(signature).decode()}
    bad = good | {"Message": "{}"}
    envelopes = [sns.envelope(parse(json.dumps(one).encode())) for one in (good, bad, document)]
    assert [one is not None and sns.signed_by(one, certificate) for one in envelopes] == [True, False, False]
    assert envelopes[0] is not None
    assert not sns.signed_by(envelopes[0], b"no certificate")


@cache
def certified() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and a certificate of it, as SNS publishes one."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.example")])
    now = datetime(2026, 11, 23, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return key, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_a_confirmation_signs_its_token_and_address() -> None:
    document = enveloped("") | {
        "Type": "SubscriptionConfirmation",
        "Token": "t",
        "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=t",
    }
    envelope = sns.envelope(parse(json.dumps(document).encode()))
    assert envelope is not None
    assert (
        b"SubscribeURL\nhttps://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=t\n"
        in envelope.string_to_sign
    )
    assert envelope.subscribe_url.endswith("Token=t")


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com@evil.example/x.pem",
        "https://sns.us-west-2.amazonaws.com/x.txt",
        "https://snsxus-west-2.amazonaws.com/x.pem",
    ],
)
def test_a_certificate_from_elsewhere_is_not_fetched(url: str) -> None:
    envelope = sns.envelope(parse(json.dumps(enveloped("") | {"SigningCertURL": url}).encode()))
    assert envelope is not None
    assert envelope.certificate_url == ""


NAMES = [
    "mail",
    "bounce",
    "complaint",
    "bouncedRecipients",
    "headers",
    "destination",
    "emailAddress",
    "timestamp",
    "open",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.fuzz
@given(JSON, st.sampled_from(sorted(ses._READERS)))
def test_any_document_reads(document: object, kind: str) -> None:
    if isinstance(document, dict):
        document = document | {"eventType": kind, "mail": document.get("mail")}
    ses.read_json(json.dumps(document).encode())
    ses.read_json(json.dumps(enveloped(document)).encode())
