"""What the settings name on this machine is looked at before a worker depends on it."""

import time
from pathlib import Path

import pytest

from goodstanding.net.tls import LIFETIME, self_signed
from goodstanding.preflight import doubts, problems
from goodstanding.settings import LogSettings, Pool, RouteSettings, Settings, SubmissionSettings
from goodstanding.settings_file import parse_settings


def settings_with_certificate(folder: Path, born: float) -> Settings:
    pem, key = self_signed(["relay.example"], born)
    (folder / "relay.pem").write_bytes(pem)
    (folder / "relay.key").write_bytes(key)
    return Settings(submission=SubmissionSettings(certificate=str(folder / "relay.pem"), key=str(folder / "relay.key")))


def test_a_good_certificate_is_no_problem(tmp_path: Path) -> None:
    settings = settings_with_certificate(tmp_path, time.time())
    assert problems(settings) == []
    assert doubts(settings, time.time()) == []


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    settings = settings_with_certificate(tmp_path, time.time())
    (tmp_path / "relay.key").unlink()
    (problem,) = problems(settings)
    assert problem.startswith(f"submission.key: {tmp_path / 'relay.key'} cannot be read")


def test_a_key_of_another_certificate_is_told_apart(tmp_path: Path) -> None:
    settings = settings_with_certificate(tmp_path, time.time())
    (tmp_path / "relay.key").write_bytes(self_signed(["relay.example"], time.time())[1])
    (problem,) = problems(settings)
    assert "is not the key of it" in problem


def test_an_expired_certificate_is_a_doubt_that_keeps_nobody_from_starting(tmp_path: Path) -> None:
    settings = settings_with_certificate(tmp_path, time.time() - LIFETIME.total_seconds() - 86400)
    assert problems(settings) == []
    (doubt,) = doubts(settings, time.time())
    assert "expired on" in doubt and "renew it" in doubt


@pytest.mark.parametrize(("where", "words"), [("missing/mail.log", "make it"), (".", "name a file in it")])
def test_a_mail_log_that_cannot_be_written_is_a_problem(tmp_path: Path, where: str, words: str) -> None:
    (problem,) = problems(Settings(log=LogSettings(mail=str(tmp_path / where))))
    assert problem.startswith("log.mail: ") and words in problem


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    settings = Settings(
        submission=SubmissionSettings(certificate=str(tmp_path / "no.pem"), key=str(tmp_path / "no.key")),
        routes=(RouteSettings(name="hub", host="hub.example", tls="required", user="we"),),
        log=LogSettings(mail=str(tmp_path / "missing" / "mail.log")),
    )
    assert [problem.partition(":")[0] for problem in problems(settings)] == [
        "submission.certificate",
        "routes[0].password_file",
        "log.mail",
    ]


def test_an_egress_address_of_another_machine_is_a_doubt() -> None:
    (doubt,) = doubts(Settings(pools=(Pool(name="p", addresses=("127.0.0.1", "203.0.113.7")),)), time.time())
    assert doubt.startswith("pools[0].addresses: 203.0.113.7 ")


def test_the_first_example_for_operators_leaves_no_doubt_but_about_this_machine() -> None:
    page = (Path(__file__).parent.parent / "docs" / "operations.md").read_text("utf-8")
    settings = parse_settings(page.partition("```toml\n")[2].partition("```")[0])
    assert settings.pools[0].bounce_domain and settings.feedback.domain
    assert all("is not an address of this machine" in one for one in doubts(settings, 0.0))
