"""Paths, domains and xtext, as values in and values out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.address import (
    domain_to_ascii,
    parse_path,
    read_any_path,
    read_path,
    split_path,
    xtext_decode,
    xtext_encode,
)

LOCAL_64 = "a" * 64
DOMAIN_254 = ".".join(["d" * 49] * 5) + ".de"

READ = [
    ("<user@example.com>", "user@example.com"),
    ("user@example.com", "user@example.com"),
    ("<User@Example.COM>", "User@Example.COM"),
    ("<user+tag@example.com>", "user+tag@example.com"),
    ("<o'brien!#$%&*/=?^_`{|}~@example.com>", "o'brien!#$%&*/=?^_`{|}~@example.com"),
    ("<user..name.@docomo.ne.jp>", "user..name.@docomo.ne.jp"),
    ('<"user"@example.com>', "user@example.com"),
    ('<"john smith"@example.com>', '"john smith"@example.com'),
    (r'<"a\"b\\c"@example.com>', r'"a\"b\\c"@example.com'),
    (r'<"us\er"@example.com>', "user@example.com"),
    ('<"a@b"@example.com>', '"a@b"@example.com'),
    ('<"a..b"@example.com>', '"a..b"@example.com'),
    ('<" "@example.com>', '" "@example.com'),
    ("<user@[192.0.2.1]>", "user@[192.0.2.1]"),
    ("<user@[IPv6:2001:db8::1]>", "user@[IPv6:2001:db8::1]"),
    ("<user@[ipv6:::ffff:192.0.2.1]>", "user@[ipv6:::ffff:192.0.2.1]"),
    ("<user@[x400:c=de]>", "user@[x400:c=de]"),
    ("<@relay.example,@other.example:user@example.com>", "user@example.com"),
    ("<user@with_underscore.example>", "user@with_underscore.example"),
    ("<user@xn--bcher-kva.example>", "user@xn--bcher-kva.example"),
    ("<user@localhost>", "user@localhost"),
    (f"<{LOCAL_64}@example.com>", f"{LOCAL_64}@example.com"),
]


@pytest.mark.parametrize(("path", "address"), READ)
def test_a_path_is_read(path: str, address: str) -> None:
    assert parse_path(path, smtputf8=False) == address


UNUSABLE = [
    "",
    "<>",
    "<",
    ">",
    "user",
    "<user>",
    "<@example.com>",
    "<user@>",
    "<user@example.com",
    "user@example.com>",
    "<<user@example.com>>",
    "<us er@example.com>",
    "<user@exam ple.com>",
    "<us\ter@example.com>",
    "<us\0er@example.com>",
    "<us\r\ner@example.com>",
    "<user@a@example.com>",
    "<user@example..com>",
    "<user@.example.com>",
    "<user@example.com.>",
    "<user@exam$ple.com>",
    "<user@xn--->",
    "<user@xn--99999999999>",
    "<user@[]>",
    "<user@[192.0.2]>",
    "<user@[192.0.2.256]>",
    "<user@[::1]>",
    "<user@[IPv6:::1%eth0]>",
    "<user@[IPv6:1:2]>",
    "<user@[192.0.2.1]",
    "<user@[192.0.2.1].example>",
    '<"user@example.com>',
    '<"us"er"@example.com>',
    '<"user\\"@example.com>',
    '<"us\ner"@example.com>',
    '<"@example.com>',
    r"<us\er@example.com>",
    "<@relay.example user@example.com>",
    "<@relay..example:user@example.com>",
    "<relay.example:user@example.com>",
    f"<a{LOCAL_64}@example.com>",
    f"<user@{DOMAIN_254}>",
    f"<user@{'d' * 64}.example>",
    "<jürgen@example.com>",
    "<user@bücher.example>",
]


@pytest.mark.parametrize("path", UNUSABLE)
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    assert parse_path(path, smtputf8=False) is None


@pytest.mark.parametrize(
    "path", ["<jürgen@example.com>", "<user@bücher.example>", "<用户@例子.测试>", '<"jür gen"@x.de>']
)
def test_an_international_path_is_read_with_smtputf8_only(path: str) -> None:
    assert parse_path(path, smtputf8=True) == path[1:-1]
    assert parse_path(path, smtputf8=False) is None


@pytest.mark.parametrize("path", ["<a\u200bb@x.de>", "<a@b\u2028c.de>", "<a@☃.de>", "<\ud800@x.de>", "<a@\u0301a.de>"])
def test_an_international_path_of_invisible_or_unassigned_characters_is_refused(path: str) -> None:
    assert parse_path(path, smtputf8=True) is None


def test_only_a_return_path_may_be_empty() -> None:
    assert parse_path("<>", smtputf8=False, null=True) == ""
    assert parse_path("<>", smtputf8=False) is None


def test_only_the_postmaster_needs_no_domain() -> None:
    assert parse_path("<Postmaster>", smtputf8=False, postmaster=True) == "Postmaster"
    assert parse_path("<Postmaster>", smtputf8=False) is None
    assert parse_path("<root>", smtputf8=False, postmaster=True) is None


SPLITS = [
    ("<a@b.c>", "<a@b.c>", ""),
    (" <a@b.c> SIZE=1 X=2", "<a@b.c>", "SIZE=1 X=2"),
    ("a@b.c SIZE=1", "a@b.c", "SIZE=1"),
    ('<"a b"@c.d> SIZE=1', '<"a b"@c.d>', "SIZE=1"),
    (r'<"a\" b"@c.d> SIZE=1', r'<"a\" b"@c.d>', "SIZE=1"),
    ('<"a b@c.d> SIZE=1', '<"a b@c.d> SIZE=1', ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("argument", "path", "rest"), SPLITS)
def test_parameters_begin_behind_the_path(argument: str, path: str, rest: str) -> None:
    assert split_path(argument) == (path, rest)


DOMAINS = [
    ("example.com", "example.com"),
    ("EXAMPLE.com", "example.com"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("straße.de", "xn--strae-oqa.de"),
    ("例子。测试", "xn--fsqu00a.xn--0zwm56d"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("d" * 63 + ".de", "d" * 63 + ".de"),
    ("", None),
    (".", None),
    ("a..b", None),
    ("a b", None),
    ("d" * 64, None),
    ("ü" * 63, None),
    ("xn--abc\u00fc", None),
    (".".join(["d" * 50] * 6), None),
]


@pytest.mark.parametrize(("domain", "ascii_domain"), DOMAINS)
def test_a_domain_becomes_what_dns_knows(domain: str, ascii_domain: str | None) -> None:
    assert domain_to_ascii(domain) == ascii_domain


@given(st.text())
def test_xtext_gives_back_any_text(text: str) -> None:
    written = xtext_encode(text)
    assert xtext_decode(written) == text
    assert written.isascii() and written.isprintable() and not set(written) & set(" =")


@pytest.mark.parametrize("xtext", ["+", "+4", "+4g", "+2b", "a=b", "a b", "ü", "+FF", "a\tb", "+-1", "+ 1"])
def test_what_is_not_xtext_is_refused(xtext: str) -> None:
    assert xtext_decode(xtext) is None


PATHLIKE = st.text(alphabet='<>@.:,"\\[] abc09-_üß\u200d☃IPv6xn-\r\n\0')


@given(PATHLIKE | st.text(), st.booleans())
def test_whatever_comes_is_an_address_or_nothing(text: str, smtputf8: bool) -> None:
    for path in (text, f"<{text}>", f"<a@{text}>", f"<{text}@example.com>"):
        address = parse_path(path, smtputf8=smtputf8)
        if address is not None:
            assert address.isprintable()
            assert len(address.encode()) <= 254
            assert parse_path(f"<{address}>", smtputf8=smtputf8) == address  # stable
            assert split_path(f"<{address}> SIZE=1") == (f"<{address}>", "SIZE=1")
            assert smtputf8 or address.isascii()


@given(PATHLIKE | st.text() | st.text(st.sampled_from("aZ0.-_x@n>< ")), st.booleans(), st.booleans())
def test_the_short_way_for_plain_paths_changes_nothing(text: str, null: bool, postmaster: bool) -> None:
    for path in (text, f"<{text}>", f"<a@{text}>", f"<{text}@example.com>", f"<a.b@x{text}.de>"):
        assert read_path(path, smtputf8=False, null=null, postmaster=postmaster) == read_any_path(
            path, smtputf8=False, null=null, postmaster=postmaster
        )


@given(st.text(alphabet=st.characters(exclude_categories=())) | PATHLIKE)
def test_whatever_comes_is_a_domain_or_nothing(text: str) -> None:
    domain = domain_to_ascii(text)
    if domain is not None:
        assert domain.isascii()
        assert domain_to_ascii(domain) == domain


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_whatever_comes_is_xtext_or_nothing(text: str) -> None:
    xtext_decode(text)
