"""Google Postmaster Tools: answers of the API, and tables."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.measures import Compliance, Measure
from goodstanding.feedback.postmaster import read_csv, read_json

DAY = 1795392000.0


def stat(metric: str, value: dict[str, object], domain: str = "Shop.example") -> dict[str, object]:
    return {
        "name": f"domains/{domain}/domainStats/x1",
        "metric": metric,
        "date": {"year": 2026, "month": 11, "day": 23},
        "value": value,
    }


ANSWER = {
    "domainStats": [
        stat("SPAM_RATE", {"doubleValue": 0.004}),
        stat("spfSuccessRate", {"doubleValue": 0.99}),
        stat("dkim_auth_rate", {"floatValue": 1}),
        stat("TLS_ENCRYPTION_RATE", {"doubleValue": 0.97}),
        stat("delivery error rate", {"doubleValue": 0.02}),
        stat("TLS_ENCRYPTION_MESSAGE_COUNT", {"intValue": "123"}),
    ]
}
EXPECTED = Measure(
    provider="google",
    of="domain",
    key="shop.example",
    begin=DAY,
    end=DAY + 86400,
    spam_rate=0.004,
    spam_rate_at_least=0.004,
    encrypted=0.97,
    authenticated=(("dkim", 1.0), ("spf", 0.99)),
    errors=(("delivery_error_rate", 0.02),),
)


@pytest.mark.parametrize("answer", [ANSWER, {"results": [{"response": ANSWER}, {"error": {"code": 5}}]}, [ANSWER]])
def test_values_of_a_domain_and_a_day_are_one_measure(answer: object) -> None:
    assert read_json(json.dumps(answer).encode()) == [EXPECTED]


def test_a_feedback_loop_is_measured_by_itself() -> None:
    found = read_json(json.dumps({"domainStats": [stat("FBL mugs spam rate", {"doubleValue": 0.01})]}).encode())
    assert [(one.of, one.key, one.spam_rate) for one in found if isinstance(one, Measure)] == [
        ("feedback-id", "FBL mugs spam rate", 0.01)
    ]


def test_compliance_tells_what_is_not_met() -> None:
    status = {
        "complianceData": {
            "domainId": "shop.example",
            "rowData": [
                {"requirement": "USER_REPORTED_SPAM_RATE", "status": {"status": "NEEDS_WORK"}},
                {"requirement": "SPF", "status": {"status": "COMPLIANT"}},
            ],
            "honorUnsubscribeVerdict": {"status": {"status": "NEEDS_WORK"}, "reason": "NOT_HONORING"},
        }
    }
    assert read_json(json.dumps(status).encode()) == [
        Compliance(provider="google", domain="shop.example", requirement="user-reported-spam-rate", met=False),
        Compliance(provider="google", domain="shop.example", requirement="spf", met=True),
        Compliance(
            provider="google", domain="shop.example", requirement="honor-unsubscribe", met=False, because="NOT_HONORING"
        ),
    ]


@pytest.mark.parametrize(
    "table",
    [
        "Date,Domain,Spam rate\n2026-11-23,Shop.example,0.4%\n",
        "date,domain,userReportedSpamRatio\n20261123,shop.example,0.004\n",
        "domain,date,metric,value\nshop.example,11/23/2026,SPAM_RATE,4e-3\n",
    ],
)
def test_tables_of_any_shape_are_read(table: str) -> None:
    (found,) = read_csv(table)
    assert isinstance(found, Measure)
    assert (found.key, found.begin, found.spam_rate) == ("shop.example", DAY, pytest.approx(0.004))


def test_a_table_of_one_domain_is_told_which() -> None:
    (found,) = read_csv("Date,Spam rate\n2026-11-23,1%\n", "shop.example")
    assert isinstance(found, Measure)
    assert (found.key, found.spam_rate) == ("shop.example", 0.01)


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", 'date,spam rate\n"', "date,spam rate\nyesterday,1%\n2026-02-30,1%\n"]
)
def test_what_is_no_table_tells_nothing(text: str) -> None:
    assert read_csv(text) == []


@pytest.mark.fuzz
@given(st.text(max_size=500))
def test_any_text_reads(text: str) -> None:
    read_csv(text)
    read_csv("date,spam rate,domain\n" + text)
    read_json(text.encode("utf-8", "replace"))
