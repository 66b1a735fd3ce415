"""Every problem of a settings file at once, and none that only follows from another."""

import pytest

from goodstanding.errors import SettingsError
from goodstanding.settings_file import parse_settings


def complaints(text: str, *overrides: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, overrides)
    return caught.value.problems


def test_contradictions_are_told_together_with_wrong_values() -> None:
    found = complaints('hostname = 3\n[dns]\nnameservers = ["one.example"]\n[store]\nurl = "mysql://x"\n')
    assert found == [
        "hostname: a string is needed, not 3",
        "store.url: write it as postgresql://user@host/database, or leave it empty for SQLite",
        "dns.nameservers: 'one.example' is not an IP address",
    ]


def test_what_only_follows_from_a_wrong_value_is_not_told() -> None:
    found = complaints('[[pools]]\nstream = "marketing"\n[[pools]]\nstream = "transactional"\n')
    assert found == ["pools[0].stream: 'marketing' is none of transactional, bulk, outreach"]


def test_an_override_below_a_plain_value_is_a_problem_and_no_crash() -> None:
    (found,) = complaints('hostname = "relay.example"', "hostname.x=1")
    assert "hostname is no table" in found


ISSUER = '[[tokens.issuers]]\nissuer = "https://id.example"\naudiences = ["us"]\n'


def test_an_issuer_of_tokens_is_named_with_whom_its_tokens_are_for() -> None:
    (one,) = parse_settings(ISSUER).tokens.issuers
    assert one.discovery == "https://id.example/.well-known/openid-configuration"
    assert parse_settings(ISSUER + 'algorithms = ["ES256"]\nkeys_url = "http://[::1]:8000/keys"\n')
    assert parse_settings(ISSUER.replace("https://id.example", "k8s") + 'keys_url = "https://k8s.example/keys"\n')
    assert "is there twice" in complaints(ISSUER + ISSUER)[0]


ISSUERS = [
    ('issuer = ""', "no https address"),
    ('issuer = "http://id.example"', "no https address"),
    ('issuer = "id.example"', "no https address"),
    ("audiences = []", "audiences: name what aud says"),
    ('audiences = [""]', "audiences: name what aud says"),
    ("algorithms = []", "algorithms: name at least one"),
    ('algorithms = ["HS256"]', "'HS256' is none of RS256, PS256, ES256, EdDSA"),
    ('algorithms = ["none"]', "'none' is none of"),
    ('application_claims = [""]', "application_claims: name the claim"),
    ('keys_url = "http://id.example/keys"', "keys_url"),
    ('keys_url = "https://"', "keys_url"),
    ('keys_url = "https://[::1"', "keys_url"),
]


@pytest.mark.parametrize(("line", "words"), ISSUERS, ids=[line for line, _ in ISSUERS])
def test_an_issuer_that_would_let_others_in_is_refused(line: str, words: str) -> None:
    key = line.partition(" ")[0]
    kept = [one for one in ISSUER.splitlines() if not one.startswith(key)]
    (found, *_) = complaints("\n".join([*kept, line]))
    assert words in found


def test_a_stream_has_one_usual_pool_and_one_for_penalty() -> None:
    pool = '[[pools]]\nname = "{}"\nstream = "bulk"\naddresses = ["203.0.113.{}"]\npenalty = {}\n'
    usual, apart = pool.format("usual", 7, "false"), pool.format("apart", 8, "true")
    assert len(parse_settings(usual + apart, ()).pools) == 2
    assert "more than one penalty pool" in complaints(usual + apart + pool.format("more", 9, "true"))[0]
    assert "sets nothing apart" in complaints('[[pools]]\nname = "apart"\npenalty = true\n')[0]
