"""The door for tokens: keys are fetched when needed and never in a flood, and what is revoked is shut at once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.settings import TokenIssuer, TokenSettings
from goodstanding.submission.authentication import Claimant, Credentials, Link, TokenRefused
from goodstanding.submission.bearer import Bearer, Opened
from goodstanding.submission.tokens import FLOOR
from tests.fakes import FakeClock, FakeFetcher
from tests.submission.issuer import APPLICATION, AUDIENCE, NAME, NOW, TENANT, claims, jwk, key_set, token

KEYS = "https://id.example/keys"
ISSUER = TokenIssuer(NAME, (AUDIENCE,), KEYS)
OTP = Identity(TenantName("shop"), SubscriptionName("shop/otp"), Stream.TRANSACTIONAL, "shop-otp|app")
NEWS = Identity(TenantName("shop"), SubscriptionName("shop/news"), Stream.BULK, "shop-news|app")
NOBODY = Credentials(b"key", {})


def linked(*identities: Identity, tenant: str = "") -> Credentials:
    return Credentials(b"key", {}, [Link(Claimant(NAME, APPLICATION, tenant), one) for one in identities])


class Door:
    """A door with its issuer and its clock."""

    def __init__(self, *issuers: TokenIssuer) -> None:
        self.fetcher, self.clock = FakeFetcher({KEYS: key_set()}), FakeClock(NOW)
        self.bearer = Bearer(TokenSettings(issuers or (ISSUER,)), self.fetcher, self.clock)

    async def ask(self, given: str = "", credentials: Credentials | None = None, user: str = "") -> str:
        """The subscription it opens, or the slug of the refusal."""
        found = await self.bearer.open(given or token(), credentials or linked(OTP), user)
        if isinstance(found, Opened):
            return found.identity.subscription
        return f"{found.slug}, for now" if found.passing else found.slug


def run(story: Callable[[Door], Awaitable[None]], *issuers: TokenIssuer) -> None:
    async def told() -> None:
        await story(Door(*issuers))

    asyncio.run(told())


def test_a_token_opens_what_its_application_is_linked_to() -> None:
    async def story(door: Door) -> None:
        found = await door.bearer.open(token(), linked(OTP))
        assert found == Opened(OTP, NOW + 3660)
        assert [await door.ask() for _ in range(50)] == ["shop/otp"] * 50
        assert door.fetcher.asked == [KEYS]

    run(story)


def test_a_revoked_credential_is_shut_although_the_token_is_good() -> None:
    async def story(door: Door) -> None:
        assert await door.ask() == "shop/otp"
        assert await door.ask(credentials=NOBODY) == "not-linked"

    run(story)


REFUSED = [
    (token(claims(exp=NOW - 100)), "expired"),
    (token(claims(nbf=NOW + 100)), "not-yet"),
    (token(claims(aud="x")), "other-audience"),
    (token(claims(iss="https://id.example/bank")), "unknown-issuer"),
    (token(claims(azp="somebody-else")), "not-linked"),
    (token(algorithm="PS256"), "algorithm"),
    ("", "malformed"),
    ("no.token.", "malformed"),
]


@pytest.mark.parametrize(("given", "slug"), REFUSED, ids=[f"{slug}-{n}" for n, (_, slug) in enumerate(REFUSED)])
def test_other_tokens_open_nothing(given: str, slug: str) -> None:
    async def story(door: Door) -> None:
        found = await door.bearer.open(given, linked(OTP))
        assert isinstance(found, TokenRefused) and found.slug == slug

    run(story, replace(ISSUER, algorithms=("RS256",)))


def test_a_new_key_is_fetched_once_it_is_used_and_a_withdrawn_one_is_forgotten() -> None:
    async def story(door: Door) -> None:
        assert await door.ask() == "shop/otp"
        door.fetcher.documents[KEYS] = key_set(jwk("two"))
        await door.clock.advance(FLOOR)
        assert await door.ask(token(kid="two")) == "shop/otp"
        assert await door.ask(token(kid="one")) == "unknown-key, for now"
        await door.clock.advance(FLOOR)
        assert await door.ask(token(kid="one")) == "unknown-key"
        assert len(door.fetcher.asked) == 3

    run(story)


def test_a_withdrawn_key_opens_nothing_once_the_hold_is_over_even_if_nobody_asked_meanwhile() -> None:
    async def story(door: Door) -> None:
        assert await door.ask() == "shop/otp"
        door.fetcher.documents[KEYS] = key_set(jwk("two"))
        await door.clock.advance(ISSUER.keys_hold)
        late = claims(exp=NOW + 90_000)
        assert await door.ask(token(late, kid="one")) == "unknown-key"

    run(story)


def test_a_flood_of_unknown_keys_makes_no_flood_of_fetches() -> None:
    async def story(door: Door) -> None:
        for second in range(120):
            await asyncio.gather(*(door.ask(token(kid=f"k{second % 3}")) for _ in range(20)))
            assert await door.ask() == "shop/otp"
            await door.clock.advance(1.0)
        assert len(door.fetcher.asked) == 120 / FLOOR

    run(story)


def test_those_who_come_while_keys_are_fetched_wait_for_the_same_answer() -> None:
    async def story(door: Door) -> None:
        door.fetcher.gate.clear()
        waiting = [asyncio.create_task(door.ask()) for _ in range(10)]
        await asyncio.sleep(0)
        door.fetcher.gate.set()
        assert await asyncio.gather(*waiting) == ["shop/otp"] * 10
        assert door.fetcher.asked == [KEYS]

    run(story)


def test_who_goes_away_does_not_take_the_answer_from_the_others() -> None:
    async def story(door: Door) -> None:
        door.fetcher.gate.clear()
        first, second = asyncio.create_task(door.ask()), asyncio.create_task(door.ask())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        door.fetcher.gate.set()
        assert await second == "shop/otp"

    run(story)


def test_an_issuer_that_is_down_stops_nobody_whose_key_is_known() -> None:
    async def story(door: Door) -> None:
        door.fetcher.down = True
        assert await door.ask() == "no-keys, for now"
        door.fetcher.down = False
        assert await door.ask() == "no-keys, for now"
        await door.clock.advance(FLOOR)
        assert await door.ask() == "shop/otp"
        door.fetcher.down = True
        await door.clock.advance(10 * ISSUER.keys_hold)
        lasting = claims(exp=NOW + 90_000)
        assert await door.ask(token(lasting)) == "shop/otp"
        assert await door.ask(token(lasting, kid="two")) == "no-keys, for now"

    run(story)


def test_keys_are_found_by_discovery() -> None:
    discovery = f"{NAME}/.well-known/openid-configuration"

    async def story(door: Door) -> None:
        door.fetcher.documents[discovery] = f'{{"issuer": "{NAME}", "jwks_uri": "{KEYS}"}}'.encode()
        assert await door.ask() == "shop/otp"
        assert door.fetcher.asked == [discovery, KEYS]

    run(story, replace(ISSUER, keys_url=""))


def test_an_issuer_cannot_vouch_for_another() -> None:
    async def story(door: Door) -> None:
        door.fetcher.documents["https://bank.example/keys"] = key_set(jwk("bank"))
        assert await door.ask(token(kid="bank")) == "unknown-key"
        assert await door.ask(token(claims(iss="https://bank.example"), kid="bank")) == "not-linked"

    run(story, ISSUER, TokenIssuer("https://bank.example", (AUDIENCE,), "https://bank.example/keys"))


def test_a_link_may_ask_for_the_tenant() -> None:
    async def story(door: Door) -> None:
        assert await door.ask(credentials=linked(OTP, tenant=TENANT)) == "shop/otp"
        assert await door.ask(credentials=linked(OTP, tenant="other")) == "not-linked"
        assert await door.ask(token(claims(tid=None)), linked(OTP, tenant=TENANT)) == "not-linked"

    run(story)


def test_the_user_name_chooses_where_an_application_sends_as_several() -> None:
    secret = {"shop.otp.app": (bytes(32), replace_credential(OTP, "shop.otp.app"))}
    both = Credentials(
        b"key", secret | {"bank": (bytes(32), BANK)}, [Link(Claimant(NAME, APPLICATION), one) for one in (OTP, NEWS)]
    )

    async def story(door: Door) -> None:
        assert await door.ask(credentials=both) == "several-links"
        assert await door.ask(credentials=both, user="shop-otp.app") == "shop/otp"
        assert await door.ask(credentials=both, user="shop-news|app") == "shop/news"
        assert await door.ask(credentials=both, user="shop/news") == "shop/news"
        assert await door.ask(credentials=both, user="shop|otp|app") == "shop/otp", "the name it has with a secret"
        for other in ("bank", "nobody", "shop-sales|app", "bank/app"):
            assert await door.ask(credentials=both, user=other) == "other-user"

    run(story)


BANK = Identity(TenantName("bank"), SubscriptionName("bank/app"), Stream.BULK, "bank")


def replace_credential(identity: Identity, credential: str) -> Identity:
    return Identity(identity.tenant, identity.subscription, identity.stream, credential)


HEADERS = [
    (f"Bearer {token()}", "shop/otp"),
    (f"bearer  {token()} ", "shop/otp"),
    (f"Basic {token()}", "no-token"),
    ("Bearer", "no-token"),
    ("", "no-token"),
    (f"Bearer {token()} {token()}", "malformed"),
]


@pytest.mark.parametrize(("header", "outcome"), HEADERS, ids=range(len(HEADERS)))
def test_an_http_header_opens_what_its_token_does(header: str, outcome: str) -> None:
    async def story(door: Door) -> None:
        found = await door.bearer.authorize(header, linked(OTP))
        assert (found.slug if isinstance(found, TokenRefused) else found.subscription) == outcome

    run(story)
