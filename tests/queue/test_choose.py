"""Whose turn it is: transactional first, tenants in turn, nobody crowded out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from goodstanding.queue.choose import Ready

TRANSACTIONAL, BULK, OUTREACH = 0, 1, 2
HUGE = 1_000_000


@dataclass(frozen=True)
class Job:
    tenant: str = "acme"
    rank: int = BULK
    site: str = "mx.example"
    weight: int = 1
    number: int = 0


def ready(jobs: Sequence[Job], limit: int = HUGE) -> Ready[Job]:
    line = Ready[Job](limit)
    for job in jobs:
        line.add(job)
    return line


def taken(line: Ready[Job], site: str = "mx.example", most: int = HUGE) -> list[Job]:
    jobs: list[Job] = []
    while len(jobs) < most and (job := line.take(site)) is not None:
        jobs.append(job)
    return jobs


def everywhere(site: str) -> bool:
    return True


def test_a_tenant_with_ten_thousand_jobs_and_one_with_one_take_turns() -> None:
    line = ready([Job("huge", number=i) for i in range(10_000)] + [Job("small")])
    assert [job.tenant for job in taken(line, most=3)] == ["huge", "small", "huge"]


def test_tenants_of_equal_rank_alternate() -> None:
    line = ready([Job("a")] * 3 + [Job("b")] * 3 + [Job("c")])
    assert "".join(job.tenant for job in taken(line)) == "abcabab"


def test_a_tenants_own_jobs_keep_their_order() -> None:
    line = ready([Job(tenant, number=i) for i in range(5) for tenant in "ab"])
    assert [job.number for job in taken(line) if job.tenant == "a"] == list(range(5))


def test_transactional_goes_before_bulk_before_outreach() -> None:
    line = ready([Job(rank=rank) for rank in (OUTREACH, BULK, TRANSACTIONAL, OUTREACH, TRANSACTIONAL)])
    assert [job.rank for job in taken(line)] == [0, 0, 1, 2, 2]


def test_a_site_gives_only_its_own_jobs() -> None:
    line = ready([Job(site="a"), Job(site="b")])
    assert taken(line, "a") == [Job(site="a")]
    assert (line.take("a"), line.take("nowhere"), line.waiting_at("a"), line.waiting_at("b")) == (None, None, 0, 1)


def test_one_tenant_never_fills_more_than_half_of_the_room() -> None:
    line = ready([Job("huge", TRANSACTIONAL)] * 50, limit=100)
    assert not line.room_for("huge", TRANSACTIONAL)
    assert line.room_for("other", TRANSACTIONAL)


def test_the_last_quarter_of_the_room_is_for_transactional_mail() -> None:
    line = ready([Job(tenant) for tenant in "abc" for _ in range(25)], limit=100)
    assert not line.room_for("d", BULK)
    assert line.room_for("d", TRANSACTIONAL)


def test_room_comes_back_when_jobs_leave() -> None:
    line = ready([Job("huge", weight=50)], limit=100)
    assert not line.room_for("huge", BULK)
    line.take("mx.example")
    assert line.room_for("huge", BULK)


def test_free_connections_go_round_the_sites() -> None:
    line = ready([Job(site=site) for site in "abc"])
    assert [line.site_in_turn(everywhere) for _ in range(6)] == list("abcabc")


def test_the_site_with_transactional_mail_is_served_first() -> None:
    line = ready([Job(site="a"), Job(site="b", rank=TRANSACTIONAL), Job(site="c")])
    assert line.site_in_turn(everywhere) == "b"


def test_a_site_that_takes_no_more_connections_is_passed_over() -> None:
    line = ready([Job(site="full", rank=TRANSACTIONAL), Job(site="free")])
    assert line.site_in_turn(lambda site: site != "full") == "free"
    assert line.site_in_turn(lambda site: False) is None


def test_sifting_takes_out_what_is_unwanted_and_leaves_the_rest_in_order() -> None:
    jobs = [Job(tenant, number=i, site=site) for i in range(4) for tenant in "ab" for site in "xy"]
    line = ready(jobs)
    out = line.sift(lambda job: job.tenant == "a" and job.number % 2 == 0)
    assert Counter(out) == Counter(job for job in jobs if job.tenant == "a" and job.number % 2 == 0)
    assert line.weight == len(jobs) - len(out)
    assert [job.number for job in taken(line, "x") if job.tenant == "a"] == [1, 3]


jobs = st.builds(
    Job,
    tenant=st.sampled_from("abcd"),
    rank=st.integers(0, 2),
    site=st.sampled_from(["x", "y"]),
    weight=st.integers(1, 5),
    number=st.integers(0, 99),
)


@given(st.lists(jobs, max_size=60))
def test_everything_that_lines_up_is_taken_exactly_once(lined_up: list[Job]) -> None:
    line = ready(lined_up)
    assert line.weight == sum(job.weight for job in lined_up)
    assert Counter(taken(line, "x") + taken(line, "y")) == Counter(lined_up)
    assert (line.weight, line.site_in_turn(everywhere)) == (0, None)
    assert line.room_for("a", OUTREACH)


@given(st.lists(jobs, max_size=60))
def test_no_tenant_waits_for_more_than_one_job_of_each_other_tenant(lined_up: list[Job]) -> None:
    """Between two jobs of a tenant at a site, of one rank, no other tenant gets two."""
    line = ready(lined_up)
    for rank in range(3):
        order = [job.tenant for job in taken(ready(lined_up), "x") if job.rank == rank]
        for tenant in set(order):
            turns = [i for i, name in enumerate(order) if name == tenant]
            for start, end in pairwise(turns):
                assert max(Counter(order[start + 1 : end]).values(), default=0) <= 1
    assert [job.rank for job in taken(line, "x")] == sorted(job.rank for job in lined_up if job.site == "x")


@given(st.lists(st.tuples(jobs, st.booleans()), max_size=60))
def test_joining_and_leaving_in_any_order_keeps_the_books(steps: list[tuple[Job, bool]]) -> None:
    line, inside = Ready[Job](HUGE), Counter[Job]()
    for job, joins in steps:
        if joins:
            line.add(job)
            inside[job] += 1
        elif (leaving := line.take(job.site)) is not None:
            inside[leaving] -= 1
            assert inside[leaving] >= 0
        assert line.weight == sum(one.weight * count for one, count in inside.items())
        assert line.waiting_at("x") == sum(count for one, count in inside.items() if one.site == "x")
