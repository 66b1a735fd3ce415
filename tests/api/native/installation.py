"""An installation with two tenants, of which one has something of every kind; and keys of both and of the operator."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient

from goodstanding import settings as machine
from goodstanding.admission.estate import Domain, Pool, Sender, Subscription
from goodstanding.api.native.serving import alone
from goodstanding.api.patience import Patience
from goodstanding.model import Stream, message_name
from goodstanding.operate import (
    access_keys,
    api_keys,
    enforcement,
    incidents,
    reviews,
    subscriptions,
    suppression,
    trust,
    webhooks,
)
from goodstanding.operate import estate as verbs
from goodstanding.operate.api_keys import Wish
from goodstanding.operate.enforcement import Desk
from goodstanding.operate.estate import Place, Terms
from goodstanding.operate.opening import open_estate
from goodstanding.settings import ApiSettings, DnsSettings, Settings, StoreSettings, WebhookSettings, WebSettings
from goodstanding.store import estate, journal
from goodstanding.store import webhooks as endpoints
from goodstanding.wire.dkim import generate_key
from tests.cli.stock import NEWS, SHOP
from tests.cli.test_quarantine import Held
from tests.following import follow
from tests.reputation.mail import campaign

EVERYTHING = ("*:read", "*:write")
DRAWN = {kind: generate_key(kind) for kind in ("rsa-sha256", "ed25519-sha256")}
"""One pair of keys for all domains of all tests: one of RSA takes 70 ms to make."""


NO_DNS = DnsSettings(nameservers=("127.0.0.1",), port=9, timeout=0.05)
"""Nobody answers: what asks DNS hears nothing, at once."""
NO_HOOKS = WebhookSettings(ports=(4,), timeout=0.05)
"""What a test invents as an endpoint is nobody's: nothing leaves this machine by a usual port."""
POOLS = (
    machine.Pool("codes", Stream.TRANSACTIONAL, ("192.0.2.1",), "codes.example"),
    machine.Pool("letters", Stream.BULK, ("192.0.2.2",), "letters.example"),
)


class Endless(Patience):
    """Patience that does not end: a test shows many wrong keys."""

    def wait(self, address: str, now: float) -> float:
        return 0.0


@dataclass(frozen=True)
class Known:
    """What there is of tenant ``shop``."""

    username: str
    waiting: str
    """A message in the queue."""
    held: str
    """A message in quarantine, of campaign 12."""
    case: str
    key_id: str
    webhook: str


class Installation:
    """Two tenants: ``shop``, which has everything, and ``bank``, which has a subscription."""

    def __init__(self, folder: Path, requests: int = 0, url: str = "") -> None:
        self.settings = Settings(
            store=StoreSettings(url=url),
            data_dir=str(folder / "data"),
            web=WebSettings(port=8443),
            api=ApiSettings(key_requests=requests),
            pools=POOLS,
            dns=NO_DNS,
            webhooks=NO_HOOKS,
        )
        self.database, self.master = open_estate(self.settings)
        self.place = Place(self.settings, self.database, self.master, draw=DRAWN.__getitem__)
        self.stock = Held(self.database, folder / "data" / "spool")
        self.operator = self.key("")
        self.shop, self.bank = "", ""

    def key(self, tenant: str, *scopes: str, expires: float = 0.0) -> str:
        """A new key, of everything unless scopes are named."""
        wish = Wish(tenant, "a test", scopes or EVERYTHING, expires)
        return api_keys.add(self.database, self.master, wish).token

    def furnish(self) -> Known:
        """Give ``shop`` something of every kind."""
        self._estate()
        self.shop, self.bank = self.key("shop"), self.key("bank")
        access_keys.regenerate(self.database, self.master, "shop/otp", "primary")
        made = subscriptions.add_credential(self.database, self.master, "shop/otp", None)
        waiting = self.stock.put(SHOP, "info@shop.example", ["anna@example.com", "bob@example.com"])
        held = self.stock.hold(NEWS, "info@news.example", "carl@example.com")
        self._people()
        names = made.username, message_name(waiting), message_name(held), self._enforcement(), self.shop.split("_")[1]
        return Known(*names, self._webhook())

    def _webhook(self) -> str:
        site = webhooks.Site(self.database, self.master, self.settings, "a test")
        made = webhooks.add(site, webhooks.Wanted("shop", "https://hooks.shop.example:4/told"))
        with self.database.tx() as tx:
            endpoints.put_state(tx, made.endpoint.number, "active", "")
        return str(made.endpoint.number)

    def _estate(self) -> None:
        for entry in (
            *(Subscription("shop/otp", Stream.TRANSACTIONAL), Subscription("shop/news", Stream.BULK)),
            *(Subscription("bank/alerts", Stream.TRANSACTIONAL), Domain("shop.example", "shop", "transactional")),
            Domain("news.example", "shop", "bulk"),
            *(
                Sender("info@shop.example", "shop/otp"),
                Pool("shop-pool", Stream.BULK, "shop", ("192.0.2.7",), "out.news.example"),
            ),
        ):
            result = verbs.add(self.place, entry, Terms("a test"))
            assert not result.refused, result.refused
        with self.database.tx() as tx:
            tx.insert(
                "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) VALUES",
                [(number, "shop", "shop/news", "Your invitation", 0.0, 0.0, b"", b"") for number in (7, 12)],
            )

    def _people(self) -> None:
        left = suppression.Entry("anna@example.com", "shop", "", "operator", evidence="she called")
        suppression.add(self.database, self.master, [left], "a test")
        order = trust.Order("anna@example.com", "shop", "a test")
        trust.record(
            self.database, self.master, order, {"what": "opt-in", "stream": "bulk", "source": "shop.example/join"}
        )
        incidents.declare(self.database, "breach-1", "shop/otp", 100, 3600.0, ("a test", "a breach"))

    def _enforcement(self) -> str:
        with self.database.tx() as tx:
            journal.append(tx, campaign(time.time() - 3 * 86400.0, 310, 12))
            follow(tx, None)
        with self.database.read() as tx:
            policy = enforcement.policy_of(self.settings, self.master, estate.view(tx))
        desk = Desk(self.database, policy, "eve")
        enforcement.impose(desk, "subscription:shop/news", "suspend", "traps")
        return reviews.open_case(desk, "subscription:shop/news").case.name

    def app(self, patience: Patience | None = None) -> Litestar:
        """The application, as a server would serve it."""
        return alone(self.place, patience=patience or Endless())

    @contextmanager
    def asked(self, patience: Patience | None = None) -> Iterator["Client"]:
        """Somebody who asks."""
        with TestClient(self.app(patience)) as client:
            yield Client(client, self.operator)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is stored, but when keys were used and what was answered to whom."""
        with self.database.read() as tx:
            tables = [name for (name,) in tx.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found = {name: sorted(tx.rows(f'SELECT * FROM "{name}"'), key=repr) for name in tables}
        found["api_key"] = [(*row[:8], *row[9:]) for row in found["api_key"]]
        return {name: rows for name, rows in found.items() if name != "api_once"}

    def copied(self, folder: Path) -> "Installation":
        """The same as it is now, to change."""
        shutil.copytree(self.settings.data_dir, folder / "data")
        found = Installation(folder)
        found.shop, found.bank = self.shop, self.bank
        return found

    def close(self) -> None:
        self.database.close()


@dataclass
class Client:
    """A client with a key."""

    http: "TestClient[Litestar]"
    key: str

    def __call__(self, method: str, path: str, body: object = None, key: str | None = None, **headers: str) -> Response:
        """One request; header names with underscores for hyphens."""
        shown = self.key if key is None else key
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {shown}"} if shown else {}
        more = {} if body is None else {"json": body}
        return self.http.request(method, f"/v1{path}", headers=sent, **more)
