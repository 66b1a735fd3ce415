"""Operations that programs begin, on both engines: each once, by its id and by its signature."""

from goodstanding.store import operations
from goodstanding.store.db import BATCH, Tx
from goodstanding.submission.operation import Begun


def begun(name: str, proof: bytes = b"", subscription: str = "shop/news", digest: bytes = b"d") -> Begun:
    return Begun(subscription, name, digest, proof, 1.0)


def test_an_operation_is_new_once(tx: Tx) -> None:
    assert operations.claim(tx, [begun("a"), begun("b")]) == [True, True]
    assert operations.claim(tx, [begun("b"), begun("c"), begun("b", subscription="shop/codes")]) == [False, True, True]


def test_a_signature_opens_one_operation(tx: Tx) -> None:
    assert operations.claim(tx, [begun("a", b"1"), begun("b", b"1"), begun("c", b"2")]) == [True, False, True]
    assert operations.claim(tx, [begun("d", b"2")]) == [False]
    found = operations.find_like(tx, begun("d", b"2"))
    assert found is not None
    assert found.id == "c"


def test_of_two_alike_in_a_commit_the_first_is_new(tx: Tx) -> None:
    alike = [begun("a"), begun("a", digest=b"other"), begun("b"), begun("a")]
    assert operations.claim(tx, alike) == [True, False, True, False]
    found = operations.find(tx, "shop/news", "a")
    assert found is not None
    assert found.digest == b"d"


def test_more_than_a_statement_takes(tx: Tx) -> None:
    many = [begun(str(n)) for n in range(2 * BATCH + 3)]
    assert all(operations.claim(tx, many))
    operations.conclude(tx, [(one, f'{{"n":{one.id}}}') for one in many])
    for one in (many[0], many[BATCH], many[-1]):
        found = operations.find(tx, one.subscription, one.id)
        assert found is not None
        assert found.document == f'{{"n":{one.id}}}'


def test_only_what_is_concluded_has_a_document(tx: Tx) -> None:
    operations.claim(tx, [begun("a"), begun("b")])
    operations.conclude(tx, [])
    operations.conclude(tx, [(begun("a"), "{}")])
    assert [getattr(operations.find(tx, "shop/news", name), "document", None) for name in "abc"] == ["{}", "", None]


def test_what_came_to_nothing_may_be_begun_again(tx: Tx) -> None:
    operations.claim(tx, [begun("a", b"1"), begun("b")])
    operations.forget(tx, [begun("a", b"1")])
    assert operations.claim(tx, [begun("a", b"1"), begun("b")]) == [True, False]
