"""The relay as an operator runs it: a settings file, ``python -m goodstanding serve``, signals, and its store."""

import contextlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from goodstanding.errors import StoreError
from goodstanding.events import Event
from goodstanding.model import Stream
from goodstanding.operate.opening import open_estate
from goodstanding.settings_file import parse_settings
from goodstanding.store import estate, journal, queue
from tests.scenarios.patience import eventually

ROOT = Path(__file__).parents[2]

SETTINGS = """\
hostname = "relay.example"
data_dir = "{folder}/data"
workers = 2
drain = 5.0

[[submission.listeners]]
address = "127.0.0.1"
port = {plain}
tls = "none"

[[submission.listeners]]
address = "127.0.0.1"
port = {starttls}

[[submission.listeners]]
address = "127.0.0.1"
port = {implicit}
tls = "implicit"

[[submission.trusted]]
networks = ["127.0.0.0/8"]
subscription = "{subscription}"

[[routes]]
name = "sink"
host = "127.0.0.1"
port = {sink}
tls = "never"
trust = "own"

{pools}

[admission]
mode = "{admission}"

[delivery]
loopback_only = true
retry_first = 1
retry_most = 2
warn_after = 0

[metrics]
port = 0

[log]
mail = "off"
"""

POOL = """\
[[pools]]
name = "{stream}"
stream = "{stream}"
route = "sink"
"""


POOL_APART = """\
[[pools]]
name = "{stream}"
stream = "{stream}"
route = "sink"
addresses = ["127.0.{octet}.1"]
hello = "mta.{stream}-relays.example"
"""
"""Shares nothing with the others: without that, admission takes no mail."""


def free_port() -> int:
    """A port nobody listens on, below the range the kernel takes outgoing ports from."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _pool(stream: Stream, *, apart: bool) -> str:
    return (POOL_APART if apart else POOL).format(stream=stream, octet=1 + list(Stream).index(stream))


class Relay:
    """One installation below a folder; its processes come and go, its store stays."""

    def __init__(
        self, folder: Path, sink_port: int, *overrides: str, subscription: str = "acme/app", admission: str = "off"
    ) -> None:
        """``overrides``: settings as ``path=value``. All mail goes to the sink unless a pool says otherwise.

        ``admission``: off where a scenario is about the relay itself, and any sender will do.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.overrides = list(overrides)
        self.plain, self.starttls, self.implicit = free_port(), free_port(), free_port()
        self.file = folder / "goodstanding.toml"
        direct = "pools=[]" in overrides
        self.file.write_text(
            SETTINGS.format(
                folder=folder,
                plain=self.plain,
                starttls=self.starttls,
                implicit=self.implicit,
                sink=sink_port,
                subscription=subscription,
                admission=admission,
                pools="" if direct else "\n".join(_pool(stream, apart=admission != "off") for stream in Stream),
            )
        )
        if direct:
            self.overrides.remove("pools=[]")
        self.user = self.secret = ""
        self.database, self.master = open_estate(parse_settings(self.file.read_text(), self.overrides))
        self.subscribe(subscription, Stream.TRANSACTIONAL)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (folder / "log").open("ab")

    def subscribe(self, name: str, stream: Stream) -> None:
        """A subscription that may send."""
        with self.database.tx() as tx:
            estate.add_subscription(tx, name, stream, 0.0)

    # Its processes.

    def start(self) -> None:
        """Start it and wait until it takes mail."""
        ready = self.data / "ready.json"
        ready.unlink(missing_ok=True)
        self._process = self.popen()
        eventually(
            lambda: ready.exists() or self._process.poll() is not None, lambda: f"ready\n{self.log()[-3000:]}", 60.0
        )
        assert self._process.poll() is None, self.log()[-3000:]

    def popen(self) -> "subprocess.Popen[bytes]":
        """The bare process, in a group of its own."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        overrides = [word for override in self.overrides for word in ("--set", override)]
        return subprocess.Popen(
            [sys.executable, "-m", "goodstanding", "serve", "--config", self.file, *overrides],
            cwd=ROOT,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
        )

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """Process ids of the living workers, from /proc: what the operating system says."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill(self) -> None:
        """kill -9 of supervisor and workers, all at one moment."""
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, number)

    def wait(self, patience: float = 60.0) -> int:
        """Its exit status, once it and all its workers have ended."""
        assert self._process is not None
        status = self._process.wait(patience)
        eventually(lambda: not _group_lives(self._process.pid), "workers end", patience)
        return status

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def end(self) -> None:
        """Whatever state it is in: gone."""
        if self._process is not None and (self._process.poll() is None or _group_lives(self._process.pid)):
            self.kill()
        self.database.close()
        self._log.close()

    def command(self, *words: str) -> str:
        """What a command of the operator says; it has to succeed."""
        command = [sys.executable, "-m", "goodstanding", *words, "--config", str(self.file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_credential(self) -> None:
        """A fresh user name and secret of the subscription; workers that run learn of it within a second or so."""
        said = json.loads(self.command("credential", "add", "acme/app", "--json"))
        self.user, self.secret = said["username"], said["secret"]

    # Its store.

    def log(self) -> str:
        """Everything its processes have said."""
        return (self.folder / "log").read_text(errors="replace")

    def states(self) -> dict[str, int]:
        """Recipients in the queue, by state."""
        with contextlib.suppress(StoreError), self.database.read() as tx:
            return queue.states(tx)
        with self.database.read() as tx:  # the server was restarted: its old connection is known to be dead now
            return queue.states(tx)

    def queued(self) -> int:
        """Recipients in the queue."""
        return sum(self.states().values())

    def events(self) -> list[Event]:
        """The whole journal."""
        found: list[Event] = []
        cursor = 0
        with self.database.read() as tx:
            while more := journal.after(tx, cursor):
                events, cursor = more
                if not events:
                    return found
                found += events
        return found

    def segments(self) -> int:
        """Spool files."""
        return len(list((self.data / "spool").glob("*.seg")))

    def wait_until_empty(self, patience: float = 60.0) -> None:
        """Every accepted message has met its fate."""
        eventually(lambda: not self.queued(), lambda: f"empty queue, {self.states()}\n{self.log()[-2000:]}", patience)


def _group_lives(group: int) -> bool:
    """Whether a process of the group runs; one that only waits to be collected does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


def memory(pids: Sequence[int]) -> int:
    """Resident bytes of processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * resource.getpagesize()
