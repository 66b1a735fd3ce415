"""Answers of DNS out of a dict, for cores that ask a book."""

from collections.abc import Iterator, Mapping

from goodstanding.wire.questions import Book, Question, Said

KIND_OF = {"TXT": "txt", "MX": "mx", "A": "addresses", "PTR": "pointer"}
Zones = Mapping[str, str | list[str]]
"""``{"a.example TXT": ["v=spf1 -all"]}``; ``"failed"``: cannot be looked up; what is not there does not exist."""


class Answers(Mapping[Question, Said]):
    """Everything that can be asked, and in ``asked`` what was."""

    def __init__(self, zones: Zones) -> None:
        self.zones = {(KIND_OF[key.split()[1]], key.split()[0]): said for key, said in zones.items()}
        self.names = {name for _, name in self.zones}
        self.asked: list[Question] = []

    def __getitem__(self, question: Question) -> Said:
        self.asked.append(question)
        found = self.zones.get(question)
        if isinstance(found, str):
            return Said("failed", text="the test's name server failed")
        if found:
            return Said("found", tuple(found))
        return Said("nodata" if question[1] in self.names else "nxdomain")

    def __iter__(self) -> Iterator[Question]:
        return iter(self.zones)

    def __len__(self) -> int:
        return len(self.zones)


def book(zones: Zones) -> Book:
    """A book in which nothing is missing."""
    return Book(Answers(zones))
