"""Who is it: one name in ACS's two spellings, and the brake in front of every door."""

import asyncio

import pytest

from goodstanding.model import Identity, Reply, Stream, SubscriptionName, TenantName
from goodstanding.settings import TokenIssuer, TokenSettings
from goodstanding.submission.authentication import Claimant, Credentials, GuessBrake, Link, digest
from goodstanding.submission.bearer import Bearer
from goodstanding.submission.login import Admitted, Login
from goodstanding.submission.replies import NOT_YOU, SLOW_DOWN, WRONG
from goodstanding.wire.smtp_events import AuthGiven
from tests.fakes import FakeClock, FakeFetcher
from tests.submission.issuer import APPLICATION, AUDIENCE, NAME, NOW, claims, key_set, token

KEY = b"key"
KEYS = "https://id.example/keys"


def identity(credential: str) -> Identity:
    return Identity(TenantName("shop"), SubscriptionName("shop/otp"), Stream.TRANSACTIONAL, credential)


def known(*names: str) -> Credentials:
    link = Link(Claimant(NAME, APPLICATION), identity("shop-otp|app"))
    return Credentials(KEY, {name: (digest(KEY, "secret"), identity(name)) for name in names}, [link])


SPELLINGS = [
    ("resource|app|tenant", ["resource|app|tenant", "resource.app.tenant", "resource|app.tenant"]),
    ("resource.app.tenant", ["resource|app|tenant", "resource.app.tenant"]),
    ("first.last@shop.example", ["first.last@shop.example", "first|last@shop.example"]),
    ("plain", ["plain"]),
]


@pytest.mark.parametrize(("name", "spellings"), SPELLINGS, ids=[name for name, _ in SPELLINGS])
def test_piped_and_dotted_names_mean_the_same(name: str, spellings: list[str]) -> None:
    assert [known(name).check(one, "secret") for one in spellings] == [identity(name)] * len(spellings)
    assert known(name).check(spellings[0], "guess") is None
    assert known(name).check(name.upper(), "secret") is None
    assert known(name).holds(identity(name))


def test_a_name_that_tokens_open_has_no_password() -> None:
    for guess in ("", "secret", "\0" * 32):
        assert known().check("shop-otp|app", guess) is None
    assert known().holds(identity("shop-otp|app"))
    assert not known().holds(identity("shop-otp.app"))


class Gate:
    """A login with its brake, and an issuer behind it."""

    def __init__(self, *, bearer: bool = True) -> None:
        self.clock = FakeClock(NOW)
        self.login = Login(self.clock, GuessBrake(3), pause=0.0)
        if bearer:
            settings = TokenSettings((TokenIssuer(NAME, (AUDIENCE,), KEYS),))
            self.login.bearer = Bearer(settings, FakeFetcher({KEYS: key_set()}), self.clock)

    def try_(self, mechanism: str, user: str, secret: str, authzid: str = "") -> Admitted | Reply:
        async def tried() -> Admitted | Reply:
            answer = self.login.check(known("user"), "192.0.2.1", AuthGiven(mechanism, user, secret, authzid))
            return answer if isinstance(answer, Admitted | Reply) else await answer

        return asyncio.run(tried())


def test_passwords_and_tokens_admit() -> None:
    gate = Gate()
    assert gate.try_("PLAIN", "user", "secret") == Admitted(identity("user"))
    assert gate.try_("XOAUTH2", "shop-otp.app", token()) == Admitted(identity("shop-otp|app"), NOW + 3660)
    assert gate.try_("OAUTHBEARER", "", token()) == Admitted(identity("shop-otp|app"), NOW + 3660)
    assert gate.try_("PLAIN", "user", "secret", "user") == Admitted(identity("user"))
    assert gate.try_("PLAIN", "user", "secret", "boss") == NOT_YOU


def test_a_refused_token_is_told_why() -> None:
    said = Gate().try_("XOAUTH2", "shop-otp|app", token(claims(exp=NOW - 100)))
    assert said == Reply(535, "5.7.8", "it has expired; get a new one")
    said = Gate().try_("XOAUTH2", "somebody", token())
    assert isinstance(said, Reply) and said.code == 535


def test_tokens_open_nothing_where_no_issuer_is_set() -> None:
    assert Gate(bearer=False).try_("XOAUTH2", "user", token()) == WRONG


@pytest.mark.parametrize(
    "guess", [("PLAIN", "user", "guess"), ("XOAUTH2", "user", "e30.e30.x")], ids=["PLAIN", "XOAUTH2"]
)
def test_guessing_closes_every_door_to_the_address_for_a_minute(guess: tuple[str, str, str]) -> None:
    gate = Gate()
    for _ in range(3):
        said = gate.try_(*guess)
        assert isinstance(said, Reply) and said.code == 535
    assert gate.try_("PLAIN", "user", "secret") == SLOW_DOWN
    assert gate.try_("XOAUTH2", "shop-otp|app", token()) == SLOW_DOWN
    asyncio.run(gate.clock.advance(60.0))
    assert gate.try_("XOAUTH2", "shop-otp|app", token()) == Admitted(identity("shop-otp|app"), NOW + 3660)
