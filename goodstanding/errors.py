"""The exceptions of this program: what *we* did wrong. What the world does to us is a value, never one of these."""


class GoodstandingError(Exception):
    """Every exception this program raises on purpose; its text names the remedy."""


class SettingsError(GoodstandingError):
    """The settings cannot be used; carries every problem at once, each with its path and value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreError(GoodstandingError):
    """The store cannot do what was asked (full, locked, read-only, gone); the caller answers 4xx and tries later."""


class LeaseLost(StoreError):
    """This worker was declared dead by another, so its claims are not its own any more: it must stop, for good."""


class LocalProtocolError(GoodstandingError):
    """Our bug: a protocol core was asked for something illegal in its present state."""


class RemoteProtocolError(GoodstandingError):
    """The peer's nonsense; raised by protocol cores only, caught in the one place where peer bytes enter."""
