"""Every story with what must come of it, in two versions: honest metadata, and none at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from tests.stories import cold_mail as cold
from tests.stories import expected_mail as wanted
from tests.stories.world import Outcome, World

SEED = 1


@dataclass(frozen=True)
class Expect:
    """What must come of a story: the verdict on the mail in focus, and the most that may go wrong."""

    verdicts: str
    unwanted: int = 0
    """Most unsolicited messages let through, all in all."""
    before_stop: int = 0
    """Most of them before the first hold or refusal; 0: as `unwanted`."""
    false_holds: float = 0.0
    """Largest share of expected mail that waits more than a second or is lost."""
    p99: float = 1.0
    """Longest delay of 99 % of expected mail, seconds."""

    def complaints(self, outcome: Outcome) -> list[str]:
        """Everything that came out otherwise."""
        most = self.before_stop or self.unwanted
        checks = {
            f"verdict {outcome.verdict}, not {self.verdicts}": outcome.verdict not in self.verdicts.split("|"),
            f"{outcome.unwanted} let through, above {self.unwanted}": outcome.unwanted > self.unwanted,
            f"{outcome.before_stop} before the stop, above {most}": outcome.before_stop > most,
            f"{outcome.false_holds:.3f} held wrongly": outcome.false_holds > self.false_holds,
            f"p99 {outcome.p99:.0f} s": outcome.p99 > self.p99,
            "no expected mail": self.verdicts == "flows" and not self.unwanted and not outcome.delays,
        }
        return [said for said, wrong in checks.items() if wrong]


@dataclass(frozen=True)
class Story:
    """A story, and what is expected of its honest and of its silent version."""

    tell: Callable[[World], None]
    honest: Expect
    silent: Expect
    above_ceiling: bool = False
    """It may end above the ceiling: too little honest mail, or claims that nobody can check yet."""

    @property
    def name(self) -> str:
        return self.tell.__name__.replace("_", " ")

    def run(self, honest: bool, seed: int = SEED) -> Outcome:
        """What comes of it; always the same for a seed."""
        world = World(seed, honest)
        self.tell(world)
        return world.run()


FLOWS = Expect("flows")


def stopped(within: int, later: int = 0, verdicts: str = "refused") -> Expect:
    """So many unsolicited messages before the stop, and so many in samples and rations of the days after."""
    return Expect(verdicts, unwanted=within + later, before_stop=within)


WANTED = (
    Story(wanted.codes_of_an_established_shop, FLOWS, FLOWS),
    Story(wanted.codes_to_strangers_only, FLOWS, FLOWS),
    Story(wanted.a_new_customer_begins, FLOWS, FLOWS),
    Story(wanted.a_new_customer_with_a_rush, FLOWS, Expect("rationed|held", false_holds=0.6, p99=36_000)),
    Story(wanted.strangers_answer, FLOWS, Expect("rationed|held", false_holds=0.6, p99=36_000)),
    Story(wanted.launch_day, FLOWS, Expect("flows|rationed", false_holds=0.05, p99=3600)),
    Story(wanted.black_friday, FLOWS, FLOWS),
    Story(wanted.ten_thousand_resets, FLOWS, FLOWS),
    Story(
        wanted.ten_thousand_resets_of_strangers,
        FLOWS,
        Expect("rationed|held", false_holds=0.9, p99=3 * 86_400),
    ),
    Story(wanted.ten_thousand_resets_declared, FLOWS, FLOWS),
    Story(wanted.a_breach_notice, FLOWS, FLOWS),
    Story(wanted.invitations_of_colleagues, FLOWS, Expect("flows|rationed", false_holds=0.1, p99=3600)),
    Story(wanted.monthly_invoices, FLOWS, FLOWS),
    Story(wanted.invoices_nobody_vouches_for, FLOWS, Expect("held|refused", false_holds=1.0, p99=inf)),
    Story(wanted.parcels_on_their_way, FLOWS, FLOWS),
    Story(wanted.reminders_at_eight, FLOWS, FLOWS),
    Story(wanted.receipts_at_the_till, FLOWS, FLOWS),
    Story(wanted.confirmations_of_a_newsletter, FLOWS, FLOWS),
    Story(wanted.answers_of_a_contact_form, FLOWS, FLOWS),
    Story(wanted.snow_day, FLOWS, FLOWS),
    Story(wanted.codes_asked_for_again, FLOWS, FLOWS),
    Story(wanted.a_service_of_companies, FLOWS, Expect("flows|rationed", false_holds=0.05, p99=3600)),
    Story(wanted.a_newsletter_with_permission, FLOWS, FLOWS),
    Story(
        wanted.too_fast_for_a_new_subscription,
        Expect("flows", false_holds=0.3, p99=65),
        Expect("flows", false_holds=0.3, p99=65),
    ),
    Story(
        wanted.codes_while_a_colleague_sells,
        Expect("flows", unwanted=30),
        Expect("flows", unwanted=30),
    ),
)

COLD = (
    Story(cold.a_salesperson_with_a_csv, stopped(10, 15), stopped(15, 15)),
    Story(cold.a_csv_shuffled_and_slow, stopped(10, 25), stopped(40, 100, "held|refused")),
    Story(cold.a_perfect_disguise, stopped(150, 900, "held|refused"), stopped(200, 900, "held|refused")),
    Story(cold.a_disguised_reader, stopped(350, 1000, "held"), stopped(350, 1000, "held")),
    Story(cold.a_disguised_newcomer, stopped(55, 350, "held"), stopped(55, 350, "held"), above_ceiling=True),
    Story(cold.a_purchased_list, stopped(10, 15), stopped(15, 15)),
    Story(cold.a_purchased_list_by_a_newcomer, stopped(20, 20), stopped(20, 20), above_ceiling=True),
    Story(cold.a_list_with_invented_opt_ins, Expect("held", unwanted=60), stopped(15, 15)),
    Story(
        cold.a_list_with_some_invented_triggers,
        stopped(50, 950, "rationed|held|refused"),
        stopped(20, 120, "held|refused"),
    ),
    Story(cold.an_agency_with_ten_domains, stopped(10, 30), stopped(20, 100)),
    Story(
        cold.one_subscription_ten_domains,
        stopped(10, 100, "held|refused"),
        stopped(15, 350, "held|refused"),
        above_ceiling=True,
    ),
    Story(cold.a_template_used_for_something_else, stopped(200, 60), stopped(200, 60, "held|refused")),
    Story(cold.stolen_credentials, stopped(0, 20), stopped(0, 20)),
    Story(cold.spun_wording, stopped(25, 120, "held|refused"), stopped(30, 120, "held|refused")),
    Story(cold.every_letter_unique, stopped(25, 0, "held"), stopped(25, 0, "held")),
    Story(cold.role_accounts_from_the_web, stopped(10, 15), stopped(15, 15)),
    Story(cold.forged_replies, stopped(10, 15), stopped(10, 15)),
    Story(cold.twenty_a_day, stopped(10, 50), stopped(20, 160, "held|refused")),
    Story(cold.customers_of_long_ago, stopped(15, 15), stopped(15, 15)),
    Story(cold.pictures_only, stopped(10, 15), stopped(20, 50, "held|refused")),
    Story(cold.everybody_in_one_message, stopped(0, 100, "held"), stopped(0, 150, "held")),
    Story(cold.a_bombed_form, stopped(800, 500), Expect("held|refused", 1200, 900, false_holds=0.9, p99=inf)),
    Story(cold.a_text_refused_elsewhere, stopped(15, 15), stopped(20, 15)),
    Story(cold.two_waves, stopped(10, 15), stopped(15, 60)),
    Story(cold.marketing_on_the_code_stream, stopped(505, 15), stopped(15, 15)),
    Story(wanted.an_incident_ends_at_its_number, stopped(300, 10), stopped(300, 10)),
    Story(cold.outreach_in_its_place, FLOWS, FLOWS),
)

STORIES = (*WANTED, *COLD)
