"""Aggregate reports: new and old, broken and hostile."""

import gzip
from base64 import encodebytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback import dmarc
from goodstanding.feedback.dmarc import Policy, Row, Signature, read_xml
from goodstanding.feedback.mail import parse
from goodstanding.feedback.sources import read

RECORD = """
<record>
 <row><source_ip>198.51.100.7</source_ip><count>12</count>
  <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
   <reason><type>mailing_list</type><comment>a list</comment></reason></policy_evaluated></row>
 <identifiers><envelope_to>Provider.example</envelope_to><header_from>Shop.example</header_from></identifiers>
 <auth_results>
  <dkim><domain>shop.example</domain><selector>s1</selector><result>pass</result></dkim>
  <dkim><domain>lists.example</domain><result>pass</result></dkim>
  <dkim><domain>third.example</domain><selector>s3</selector><result>fail</result></dkim>
  <spf><domain>lists.example</domain><scope>mfrom</scope><result>pass</result></spf>
 </auth_results>
</record>"""
FORGED = """
<record><row><source_ip>2001:DB8::0:66</source_ip><count>3</count>
 <policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
 <identifiers><header_from>shop.example</header_from></identifiers></record>"""
REPORT = f"""<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
<version>1.0</version>
<report_metadata><org_name>Provider</org_name><email>dmarc@provider.example</email><report_id>r-1</report_id>
 <date_range><begin>1795392000</begin><end>1795478399</end></date_range><error>no np tag</error></report_metadata>
<policy_published><domain>shop.example</domain><p>reject</p><sp>quarantine</sp><np>reject</np><testing>n</testing>
</policy_published>{RECORD}{FORGED}
</feedback>"""


def mailed(octets: bytes, name: str, subject: str = "Report Domain: shop.example Submitter: p Report-ID: r-1") -> bytes:
    return (
        (
            f"From: dmarc@provider.example\nSubject: {subject}\nMIME-Version: 1.0\n"
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee the attachment.\n--b\n"
            f'Content-Type: application/gzip; name="{name}"\nContent-Transfer-Encoding: base64\n'
            f'Content-Disposition: attachment; filename="{name}"\n\n'
        ).encode()
        + encodebytes(octets)
        + b"--b--\n"
    )


def test_a_report_is_summarised_in_rows() -> None:
    report = read_xml(REPORT.encode())
    assert report is not None
    assert (report.reporter, report.report_id, report.begin, report.end) == ("Provider", "r-1", 1795392000, 1795478399)
    assert report.policy == Policy("shop.example", "reject", "quarantine", "reject", testing="n")
    assert (report.messages, report.failed, report.errors, report.cut) == (15, 3, ("no np tag",), False)
    assert report.rows[0] == Row(
        source_ip="198.51.100.7",
        count=12,
        disposition="none",
        dkim_aligned=True,
        spf_aligned=False,
        header_from="shop.example",
        envelope_to="provider.example",
        dkim=(
            Signature("shop.example", "pass", "s1"),
            Signature("lists.example", "pass"),
            Signature("third.example", "fail", "s3"),
        ),
        spf=(Signature("lists.example", "pass"),),
        reasons=("mailing_list",),
    )
    assert (report.rows[1].source_ip, report.rows[1].passed) == ("2001:db8::66", False)


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://dmarc.org/dmarc-xml/0.1"', ' xmlns:d="urn:x"'])
def test_the_namespace_does_not_matter(namespace: str) -> None:
    assert read_xml(REPORT.replace(' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"', namespace).encode()) == read_xml(
        REPORT.encode()
    )


def test_prefixed_names_are_read_too() -> None:
    prefixed = REPORT.replace("</", "</d:").replace("<", "<d:").replace("<d:/d:", "</d:").replace("<d:?", "<?")
    assert read_xml(prefixed.encode()) == read_xml(REPORT.encode())


def test_a_report_cut_short_keeps_its_rows() -> None:
    report = read_xml(REPORT.partition(FORGED)[0].encode())
    assert report is not None
    assert (len(report.rows), report.cut) == (1, True)


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE f [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert read_xml(REPORT.replace("<feedback", bomb + "<feedback").encode()) is None


def test_a_flood_of_rows_is_cut() -> None:
    report = read_xml(REPORT.replace(FORGED, FORGED * 21_000).encode())
    assert report is not None
    assert report.cut
    assert len(report.rows) == dmarc.MOST_ROWS


def test_a_flood_of_other_elements_is_cut_too() -> None:
    report = read_xml(REPORT.replace("</feedback>", "<x/>" * 2_000_000 + "</feedback>").encode())
    assert report is not None
    assert (report.cut, len(report.rows)) == (True, 2)


@pytest.mark.parametrize(
    "source", ["", "<html><body/></html>", "<feedback/>", "<a>" * 100_000, "<feedback>" + "<x>" * 100_000, "no xml"]
)
def test_what_is_no_report_is_none(source: str) -> None:
    assert read_xml(source.encode()) is None


@pytest.mark.parametrize("charset", ["aUTF-8", "zlib", "undefined", "idna", "utf-7", "", "hex", "cp037"])
def test_a_character_set_that_is_none_is_no_report(charset: str) -> None:
    report = read_xml(REPORT.replace('encoding="UTF-8"', f'encoding="{charset}"').encode())
    assert report is None or report.messages == 15


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-16"])
def test_other_character_sets_are_read(charset: str) -> None:
    octets = (
        REPORT.replace("UTF-8", charset).replace("<org_name>Provider", "<org_name>Fournisseur à côté").encode(charset)
    )
    report = read_xml(octets)
    assert report is not None
    assert report.reporter == "Fournisseur à côté"


@pytest.mark.parametrize("count", ["-4", "1e9", "0", "x", "9" * 40, ""])
def test_a_count_that_is_no_count_makes_no_row(count: str) -> None:
    report = read_xml(REPORT.replace("<count>12</count>", f"<count>{count}</count>").encode())
    assert report is not None
    assert report.messages == 3


def test_a_mailed_report_is_a_reading_in_one_line() -> None:
    octets = mailed(gzip.compress(REPORT.encode()), "provider.example!shop.example!1795392000!1795478399.xml.gz")
    (reading,) = read(parse(octets))
    assert (reading.kind, reading.reported_domain, reading.count, reading.report_id) == (
        "aggregate",
        "shop.example",
        15,
        "r-1",
    )
    assert reading.detail == "15 messages from 2 sources, 3 failed DMARC"


def test_a_mail_that_claims_to_be_a_report_and_is_none_is_unreadable() -> None:
    assert read(parse(mailed(b"\x1f\x8bgarbage", "x.gz")))[0].kind == "unreadable"


def test_an_ordinary_attachment_is_no_report() -> None:
    assert not dmarc.matches(parse(mailed(gzip.compress(b"photos"), "photos.tar.gz", "Holiday")))


@pytest.mark.fuzz
@given(st.binary(max_size=600), st.integers(0, len(REPORT)))
def test_garbage_in_a_report_gives_a_report_or_none(garbage: bytes, at: int) -> None:
    octets = REPORT.encode()
    for broken in (garbage, octets[:at] + garbage + octets[at:], octets[:at] + garbage):
        report = read_xml(broken)
        assert report is None or report.messages >= 0
