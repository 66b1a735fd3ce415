"""The diagnostic log of a process: structured lines on standard error, which must never stop the mail they tell of."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO, cast

import structlog

from goodstanding.settings import Settings


class Forgiving:
    """A stream that loses what it cannot write: a log on a full disk must never stop the mail it tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or not."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure_log(settings: Settings) -> None:
    """The diagnostic log goes to standard error, a line an event."""
    levels = {"debug": 10, "info": 20, "warning": 30, "error": 40}
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if settings.log.json else structlog.processors.KeyValueRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(levels[settings.log.level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Forgiving(sys.stderr))),
        cache_logger_on_first_use=True,
    )
