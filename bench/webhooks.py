"""What telling costs: so many delivery reports from the journal to a receiver on loopback, in CPU time of the sender.

    PYTHONPATH=. python -m bench.webhooks [EVENTS] [BATCH] [ENDPOINTS] [SHAPE]

The receiver is a process of its own and answers 204. CPU seconds are of the process that follows the journal, posts
and writes down, without the time to fill the journal.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from goodstanding.admission.estate import Tenant
from goodstanding.enforcement.policy import Policy
from goodstanding.events import Accepted, Delivered
from goodstanding.model import MessageId, Touched
from goodstanding.net.clock import RealClock, SystemEntropy
from goodstanding.operate.opening import open_estate
from goodstanding.operate.webhook_trial import means_of
from goodstanding.operate.webhooks import Site, Wanted, add
from goodstanding.settings import Settings, WebhookSettings
from goodstanding.store import estate, journal, outbox, webhooks
from goodstanding.store.db import Database
from goodstanding.webhooks.outgoing import Outgoing, Patience
from goodstanding.webhooks.pacing import Schedule
from goodstanding.webhooks.paperwork import Paperwork
from goodstanding.webhooks.posting import Poster

RECEIVER = """
import asyncio, uvloop
class Answering(asyncio.Protocol):
    def connection_made(self, transport): self.transport, self.unread = transport, b""
    def data_received(self, data):
        self.unread += data
        while (head := self.unread.find(b"\\r\\n\\r\\n")) >= 0:
            at = self.unread.lower().find(b"content-length: ")
            size = int(self.unread[at + 16 : self.unread.find(b"\\r", at)])
            if len(self.unread) < head + 4 + size: return
            self.unread = self.unread[head + 4 + size :]
            self.transport.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
async def serve():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
uvloop.run(serve())
"""


def fill(database: Database, count: int) -> None:
    for start in range(0, count, 1000):
        events = []
        for n in range(start + 1, min(start + 1000, count) + 1):
            message, at, to = MessageId(n << 22), time.time(), f"person{n}@example.net"
            touched = Touched("shop/news", "bulk", "news.shop.example", 17, "shop.example")
            who = ("shop", message, 0, at, to)
            events += [
                Accepted(
                    *who, "shop/news", "bulk", "bounces@shop.example", 9000, "news@shop.example", "<1@shop>", "News"
                ),
                Delivered(*who, "mx1.example.net [203.0.113.7]", "250 2.0.0 Ok: queued as 4bX1", touched=touched),
            ]
        with database.tx() as tx:
            journal.append(tx, events)


async def tell(database: Database, master: bytes, settings: Settings, count: int) -> None:
    clock = RealClock()
    outgoing = Outgoing(
        Paperwork(Database(database.url), master, Policy()),
        Poster(means_of(settings, clock)),
        (clock, SystemEntropy()),
        Patience(Schedule(), 256, settings.webhooks.connections_per_endpoint),
    )
    outgoing.allowed_until = clock.now() + 1e6
    settling = asyncio.create_task(outgoing.settle_on())
    with database.read() as tx:
        endpoints = webhooks.every(tx)
    outgoing.renew(endpoints)
    gap, more = journal.Gap(), True
    while more:
        with database.tx() as tx:
            heard, more = outbox.follow(tx, endpoints, gap, 1000, clock.now())
        outgoing.wake(heard)
        await asyncio.sleep(0)
    while True:
        with database.read() as tx:
            if sum(one.delivered for one in webhooks.figures(tx).values()) >= count * len(endpoints):
                break
        await asyncio.sleep(0.2)
    await outgoing.stop(1.0)
    settling.cancel()


def main() -> None:
    count, batch, endpoints = (int(word) for word in (sys.argv[1:4] + ["20000", "1", "1"][len(sys.argv[1:4]) :]))
    shape = sys.argv[4] if len(sys.argv) > 4 else "eventgrid"
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    port = int(receiver.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        its = WebhookSettings(allow_networks=("127.0.0.0/8",), allow_http=True, ports=(port,))
        settings = Settings(data_dir=str(Path(folder) / "data"), webhooks=its)
        database, master = open_estate(settings)
        with database.tx() as tx:
            estate.put_tenant(tx, Tenant("shop"), 0.0)
        site = Site(database, master, settings, "bench")
        for _ in range(endpoints):
            made = add(site, Wanted("shop", f"http://127.0.0.1:{port}/", shape=shape, batch=batch))  # type: ignore[arg-type]
            with database.tx() as tx:
                webhooks.put_state(tx, made.endpoint.number, "active", "")
        fill(database, count)
        cpu, wall = time.process_time(), time.monotonic()
        if len(sys.argv) > 5:
            import cProfile
            import pstats

            profile = cProfile.Profile()
            profile.runcall(asyncio.run, tell(database, master, settings, count))
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        else:
            uvloop.run(tell(database, master, settings, count))
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        told = count * endpoints
        what = f"{told} events, batch {batch}, {endpoints} endpoints, {shape}"
        print(f"{what}: {told / cpu:,.0f}/s per CPU second, {told / wall:,.0f}/s by the clock")
    receiver.kill()


if __name__ == "__main__":
    main()
