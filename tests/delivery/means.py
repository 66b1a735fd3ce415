"""What a delivery loop needs, over a real store, with doubles for everything outside."""

from goodstanding.delivery.notices import Ours
from goodstanding.delivery.obeying import Obeying
from goodstanding.delivery.plan import Route
from goodstanding.delivery.pools import Pools
from goodstanding.delivery.record import Record
from goodstanding.delivery.routing import Routing
from goodstanding.delivery.run import Means
from goodstanding.model import Stream, WorkerId
from goodstanding.settings import DeliverySettings, Pool
from goodstanding.store.db import Database
from goodstanding.store.spool import Spool
from goodstanding.store.writer import Writer
from goodstanding.submission.identifiers import Identifiers
from tests.fakes import FakeClock, FakeEntropy, FakeResolver


def means_for(database: Database, writer: Writer, spool: Spool, worker: WorkerId) -> Means:
    clock = FakeClock(1_790_000_000.0)
    pools = {stream: (Pool(name=stream.value, stream=stream), Route("direct")) for stream in Stream}
    return Means(
        settings=DeliverySettings(),
        worker=worker,
        workers=1,
        database=database,
        writer=writer,
        spool=spool,
        routing=Routing(Pools(pools), FakeResolver({}), clock, 25, frozenset(), True),
        record=Record(writer, spool, clock, Ours("relay.test"), Identifiers(0).next),
        clock=clock,
        entropy=FakeEntropy(1),
        obeying=Obeying(1, clock),
    )
