"""The supervisor's hand on the page: it comes back when killed, is renewed without a gap, and ends when told."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from goodstanding.companion import FOLLOWER, PAGE, Companion
from goodstanding.metrics import Reports
from goodstanding.net.tls import self_signed
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings, WebSettings
from goodstanding.store import journal
from tests.reputation.mail import START, delivered
from tests.scenarios.relay import free_port


def installation(folder: Path) -> tuple[Settings, tuple[str, str]]:
    pem, key = self_signed(["localhost"], time.time())
    (folder / "page.pem").write_bytes(pem)
    (folder / "page.key").write_bytes(key)
    settings = Settings(data_dir=str(folder / "data"), drain=0.5, web=WebSettings(port=free_port()))
    return settings, (str(folder / "page.pem"), str(folder / "page.key"))


@asynccontextmanager
async def running(settings: Settings, certificate: tuple[str, str]) -> AsyncIterator[Companion]:
    database, master = open_estate(settings)
    web = Companion(PAGE, database.url, master, Reports())
    await web.renew(settings, certificate)
    try:
        yield web
    finally:
        await web.stop(1.0)
        database.close()


async def listens(settings: Settings) -> bool:
    context = ssl._create_unverified_context()
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", settings.web.port, ssl=context)
    except OSError:
        return False
    writer.close()
    return True


def pid(web: Companion) -> int:
    assert web._process is not None
    return web._process.pid


async def until_it_listens(settings: Settings) -> None:
    async with asyncio.timeout(30):
        while not await listens(settings):
            await asyncio.sleep(0.1)


def test_a_page_that_is_killed_comes_back(tmp_path: Path) -> None:
    settings, certificate = installation(tmp_path)

    async def story() -> None:
        async with running(settings, certificate) as web:
            first = pid(web)
            os.kill(first, signal.SIGKILL)
            await asyncio.sleep(0.5)
            assert not await listens(settings)
            await until_it_listens(settings)
            async with asyncio.timeout(10):
                while web._process is None or pid(web) == first:
                    await asyncio.sleep(0.1)

    asyncio.run(story())


def test_a_renewed_page_has_the_new_certificate_and_no_gap(tmp_path: Path) -> None:
    settings, certificate = installation(tmp_path)

    async def story() -> None:
        async with running(settings, certificate) as web:
            first, answered = pid(web), []

            async def knock() -> None:
                while True:
                    answered.append(await listens(settings))

            knocking = asyncio.create_task(knock())
            await web.renew(settings, certificate)
            knocking.cancel()
            assert pid(web) != first
            assert answered.count(False) <= 1  # whom the kernel had just given to the old one when it closed

    asyncio.run(story())


def test_a_page_that_cannot_start_leaves_the_old_one(tmp_path: Path) -> None:
    settings, certificate = installation(tmp_path)

    async def story() -> None:
        async with running(settings, certificate) as web:
            first = pid(web)
            await web.renew(settings, (certificate[0], str(tmp_path / "nothing.key")))
            assert pid(web) == first
            assert await listens(settings)

    asyncio.run(story())


def test_without_a_port_there_is_no_page(tmp_path: Path) -> None:
    settings, certificate = installation(tmp_path)

    async def story() -> None:
        async with running(settings, certificate) as web:
            await web.renew(replace(settings, web=WebSettings()), certificate)
            assert web._process is None
            assert not await listens(settings)

    asyncio.run(story())


def test_what_the_follower_has_counted_outlives_it(tmp_path: Path) -> None:
    """Among it: journal entries that it could not read, and passed over."""
    settings, certificate = installation(tmp_path)
    reports = Reports()

    async def story() -> None:
        database, master = open_estate(settings)
        with database.tx() as tx:
            journal.append(tx, [delivered(START), delivered(START + 1)])
            tx.run("UPDATE journal SET details = '{}' WHERE seq = (SELECT MIN(seq) FROM journal)")
        follower = Companion(FOLLOWER, database.url, master, reports)
        await follower.renew(settings, certificate)
        async with asyncio.timeout(30):
            while not reports.totals().get(("goodstanding_reputation_unread_total", "")):
                await asyncio.sleep(0.1)
        await follower.stop(1.0)
        database.close()

    asyncio.run(story())
    assert not reports.by_process
    assert reports.past == {("goodstanding_reputation_unread_total", ""): 1.0}
