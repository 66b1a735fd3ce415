"""A receiver of webhooks on loopback: real HTTP/1.1 over real sockets, in a thread; keeps what came."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


@dataclass(frozen=True)
class Post:
    """One request as it came."""

    target: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def events(self) -> list[dict[str, Any]]:
        found = json.loads(self.body)
        return found if isinstance(found, list) else [found]


@dataclass(frozen=True)
class Reply:
    """What is answered: raw bytes when ``raw``, else status, headers and body; nothing at all when silent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    delay: float = 0.0
    close: bool = False


def obliging(post: Post) -> Reply:
    """Takes everything, and answers Event Grid's handshake as its documentation asks."""
    if post.headers.get("aeg-event-type") == "SubscriptionValidation":
        code = post.events[0]["data"]["validationCode"]
        return Reply(body=json.dumps({"validationResponse": code}).encode())
    return Reply(204)


class Receiver:
    """Listens at once; ``answer`` may be changed while it runs."""

    def __init__(
        self, answer: Callable[[Post], Reply] = obliging, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.answer = answer
        self.posts: list[Post] = []
        self.connections = 0
        self.open = 0
        """POSTs that are being answered."""
        self.most = 0
        """The most of them at the same time."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started, port), daemon=True)
        self._thread.start()
        started.wait(10)

    def url(self, path: str = "/hook") -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}{path}"

    def events(self) -> list[dict[str, Any]]:
        """All that came, in the order of arrival, questions of handshakes left out."""
        found = [event for post in list(self.posts) for event in post.events]
        return [one for one in found if one.get("eventType") != VALIDATION and one.get("type") != "goodstanding.test"]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, started: threading.Event, port: int) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen(started, port))
        self._loop.close()

    async def _listen(self, started: threading.Event, port: int) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        answering = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *fields = head.decode("latin-1").split("\r\n")[:-2]
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
                body = await reader.readexactly(int(headers["content-length"]))
                post = Post(line.split()[1], headers, body, time.time())
                if not await self._reply(post, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _reply(self, post: Post, writer: asyncio.StreamWriter) -> bool:
        self.posts.append(post)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            said = self.answer(post)
            if said.delay:
                await asyncio.sleep(said.delay)
            if said.raw:
                writer.write(said.raw)
                return not said.close
            lines = [f"HTTP/1.1 {said.status} Said", f"Content-Length: {len(said.body)}"]
            lines += [f"{name}: {value}" for name, value in said.headers.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + said.body)
            return not said.close
        finally:
            self.open -= 1
