"""Stories of mail that nobody asked for: it must be stopped soon, in words, and cost little."""

from __future__ import annotations

from dataclasses import replace

from goodstanding.admission.facts import Proof, Terms
from goodstanding.model import Stream
from tests.stories.expected_mail import CODE, SHOP, triggered
from tests.stories.world import Flow, Sender, Template, World

PITCH = Template("Quick question", 101, 90, cues=(("persuasion", 1.0), ("meeting-ask", 1.0)))
COLD = {"expected": False, "complains": 0.02, "exists": 0.93}


def cold(world: World, sender: Sender, template: Template, people: list[str], times: list[float]) -> Flow:
    """A cold campaign as they are: 2 % complain, 7 % of addresses are gone."""
    flow = Flow(sender, template, people, times, expected=False, complains=0.02, exists=0.93)
    world.add(flow)
    return flow


def codes_beside(world: World, sender: Sender, n: int = 200) -> None:
    """The honest mail of the same subscription, which must not suffer."""
    people = world.private(n)
    world.know(people[::3])
    world.add(Flow(sender, CODE, people, world.chance(n, 10), triggered(world), answers=0.8, focus=False))


def a_salesperson_with_a_csv(world: World) -> None:
    world.established(SHOP, 1500)
    world.pool()
    codes_beside(world, SHOP)
    cold(world, SHOP, PITCH, sorted(world.companies(2000, roles=0.05)), world.timer(2000, 2.0, 0.1, 9))


def a_csv_shuffled_and_slow(world: World) -> None:
    """No order, uneven gaps of half a minute to two: only who it goes to is left."""
    world.established(SHOP, 1500)
    world.pool()
    codes_beside(world, SHOP)
    cold(world, SHOP, PITCH, world.companies(600), world.timer(600, 75.0, 0.6, 9))


def a_perfect_disguise(world: World) -> None:
    """Gaps like people's, private mailboxes, no order, no text that we read: only the budget is left."""
    world.established(SHOP, 1500)
    world.pool()
    cold(world, SHOP, replace(PITCH, cues=()), world.private(3000), world.chance(3000, 10, 9))


def a_purchased_list(world: World) -> None:
    """Ten thousand private addresses, 5 % complain, 8 % are gone."""
    world.established(SHOP, 1000)
    world.pool()
    codes_beside(world, SHOP)
    people = sorted(world.private(10_000, companies=0.1))
    flow = Flow(SHOP, Template("A special offer", 102, 120, cues=(("offer", 1.0),), unsubscribe=True), people,
                world.timer(10_000, 0.5, 0.1, 9), expected=False, complains=0.05, exists=0.92)  # fmt: skip
    world.add(flow)


def a_purchased_list_by_a_newcomer(world: World) -> None:
    """No history at all, and limits already reviewed."""
    world.pool()
    new = Sender("new/app", "new.example")
    people = sorted(world.private(3000))
    offer = Template("A special offer", 103, 120)
    world.add(Flow(new, offer, people, world.timer(3000, 1.0), expected=False, complains=0.05, exists=0.9))


def a_list_with_invented_opt_ins(world: World) -> None:
    """The application claims an opt-in for everybody: lists alone cannot clear, and rules see permissions."""
    world.established(SHOP, 1000)
    world.pool()
    people = sorted(world.companies(1000, roles=0.2))
    proof = Proof.PERMISSION if world.honest else Proof.NONE
    flow = cold(world, SHOP, PITCH, people, [])
    world.add(replace(flow, times=world.timer(1000, 1.0), proof=proof))


def a_list_with_some_invented_triggers(world: World) -> None:
    """Half claims a trigger that never was; the other half is judged with its campaign."""
    world.established(SHOP, 1000)
    world.pool()
    people = sorted(world.companies(1000))
    flow = Flow(SHOP, PITCH, people[::2], world.timer(500, 2.0), **COLD)  # type: ignore[arg-type]
    world.add(replace(flow, people=people[1::2], times=world.timer(500, 2.0), proof=triggered(world), focus=False))
    world.add(flow)


def an_agency_with_ten_domains(world: World) -> None:
    """Ten tenants, ten domains, one text, three hundred recipients each, no order."""
    world.pool()
    for n in range(10):
        sender = world.established(Sender(f"brand{n}/app", f"brand{n}.example"), 300)
        cold(world, sender, PITCH, world.companies(300), world.timer(300, 20.0, 0.3, 8 + n / 2))


def one_subscription_ten_domains(world: World) -> None:
    """From domains take turns, so that none sends much."""
    agency = world.established(Sender("agency/app", "agency.example"), 300)
    world.pool()
    people = world.companies(1000)
    for n in range(10):
        world.add(Flow(agency, PITCH, people[n::10], world.timer(100, 50.0, 0.3, 8 + n / 720),
                       domain=f"brand{n}.example", **COLD))  # type: ignore[arg-type]  # fmt: skip


def a_template_used_for_something_else(world: World) -> None:
    """The order template with a pitch in its free field: same campaign, thousands of clean deliveries behind it."""
    world.established(SHOP, 1500)
    world.pool()
    template = Template("Your order", 104, 80)
    before = world.private(1500)
    world.know(before[::2])
    world.add(Flow(SHOP, template, before, world.chance(1500, 4, 4), triggered(world), answers=0.5, focus=False))
    cold(world, SHOP, template, sorted(world.companies(1500)), world.timer(1500, 2.0, 0.1, 9))


def stolen_credentials(world: World) -> None:
    """At three in the morning, twenty recipients a message, as fast as it goes."""
    world.established(SHOP, 300)
    world.pool()
    people = sorted(world.private(6000))
    scam = Template("Your account is locked", 105, 70, cues=(("urgency", 1.0),))
    world.add(Flow(SHOP, scam, people, world.timer(300, 0.5, 0.1, 3), each=20, **COLD))  # type: ignore[arg-type]


def spun_wording(world: World) -> None:
    """A third of the words is exchanged in every message."""
    world.established(SHOP, 1000)
    world.pool()
    cold(world, SHOP, replace(PITCH, spin=0.3), world.companies(600), world.timer(600, 15.0, 0.5, 9))


def every_letter_unique(world: World) -> None:
    """Written one by one by a language model: no two alike, so there is no campaign to be seen."""
    world.established(SHOP, 1000)
    world.pool()
    cold(world, SHOP, replace(PITCH, unique=True, cues=()), world.companies(1000), world.timer(1000, 20.0, 0.3, 9))


def role_accounts_from_the_web(world: World) -> None:
    world.established(SHOP, 1000)
    world.pool()
    cold(world, SHOP, PITCH, world.companies(500, roles=1.0), world.timer(500, 10.0, 0.3, 9))


def forged_replies(world: World) -> None:
    world.established(SHOP, 1000)
    world.pool()
    cold(world, SHOP, replace(PITCH, forged=True), world.companies(400), world.timer(400, 30.0, 0.5, 9))


def twenty_a_day(world: World) -> None:
    """A patient sender on a healthy key, for ten days."""
    world.established(SHOP, 500)
    world.pool()
    times = [at for day in range(10) for at in world.timer(20, 1200.0, 0.5, 9 + 24 * day)]
    cold(world, SHOP, PITCH, world.companies(200), times)


def customers_of_long_ago(world: World) -> None:
    """Three years without a word: nothing is valid any more, and a fifth of the mailboxes is gone."""
    world.established(SHOP, 1000)
    world.pool()
    back = Template("We miss you", 106, 100, unsubscribe=True)
    people = sorted(world.private(2000))
    world.add(Flow(SHOP, back, people, world.timer(2000, 1.0), expected=False, complains=0.03, exists=0.8))


def pictures_only(world: World) -> None:
    """No text at all: one campaign per subscription, whatever the picture."""
    world.established(SHOP, 1000)
    world.pool()
    cold(world, SHOP, replace(PITCH, image=True), world.companies(800), world.timer(800, 5.0, 0.2, 9))


def everybody_in_one_message(world: World) -> None:
    """A thousand in Bcc: the first message is the campaign."""
    world.established(SHOP, 1000)
    world.pool()
    boss = replace(SHOP, terms=Terms(recipients_limit=1000, minute_limit=2000, hour_limit=2000))
    world.add(Flow(boss, PITCH, world.companies(1000), world.timer(1, 1.0), each=1000, **COLD))  # type: ignore[arg-type]


def a_bombed_form(world: World) -> None:
    """A robot types strangers' addresses into a sign-up form; honest: the form asks for a puzzle and reports nobody."""
    world.established(SHOP, 400)
    world.pool()
    confirm = Template("Please confirm", 11, 35)
    genuine = world.private(200)
    world.add(Flow(SHOP, confirm, genuine, world.chance(200, 14), triggered(world), answers=0.6, focus=False))
    victims = world.private(3000)
    world.add(Flow(SHOP, confirm, victims, world.timer(3000, 3.0, 0.3, 10), expected=False, complains=0.03))


def a_text_refused_elsewhere(world: World) -> None:
    """What one tenant was refused comes from a second one the same afternoon."""
    world.pool()
    first = world.established(Sender("one/app", "one.example"), 1000)
    second = world.established(Sender("two/app", "two.example"), 1000)
    people = sorted(world.companies(900))
    flow = cold(world, first, PITCH, people[:600], world.timer(600, 2.0, 0.1, 9))
    flow.focus = False
    cold(world, second, PITCH, world.companies(300), world.timer(300, 30.0, 0.5, 14))


def marketing_on_the_code_stream(world: World) -> None:
    """An offer to one's own customers by the subscription for codes: known people, so it is not cold; see the rules."""
    world.established(SHOP, 2000)
    world.pool()
    offer = Template("Winter sale", 107, 120, unsubscribe=True, cues=(("offer", 1.0),))
    people = sorted(world.private(1500))
    if world.honest:
        world.know(people[:500])
    world.add(Flow(SHOP, offer, people, world.timer(1500, 1.0), expected=False, complains=0.004))


def outreach_in_its_place(world: World) -> None:
    """The same letter on an outreach stream, with grounds, address and way out: it may go."""
    sales = world.established(Sender("shop/sales", "shop-sales.example", Stream.OUTREACH), 200, strangers=1.0)
    world.pool()
    people = sorted(world.companies(300))
    proof = Proof.PERMISSION if world.honest else Proof.NONE
    letter = replace(PITCH, unsubscribe=True)
    world.add(Flow(sales, letter, people, world.timer(300, 60.0, 0.3, 9), proof, complains=0.003, exists=0.98))


def a_disguised_newcomer(world: World) -> None:
    """No history, and like people in everything that can be seen: fifty at a time is all there is."""
    world.pool()
    new = Sender("new/app", "new.example")
    people = world.private(2000)
    flow = Flow(new, replace(PITCH, cues=()), people, world.chance(2000, 10, 9), expected=False, complains=0.02)
    world.add(flow)


def a_disguised_reader(world: World) -> None:
    """The perfect disguise with a list so clean that nothing bounces: complaints and the budget are left."""
    world.established(SHOP, 400)
    world.pool()
    people = world.private(3000)
    flow = Flow(SHOP, replace(PITCH, cues=()), people, world.chance(3000, 10, 9), expected=False, complains=0.02)
    world.add(flow)


def two_waves(world: World) -> None:
    """Stopped in the morning, tried again at night with a new subject."""
    world.established(SHOP, 1000)
    world.pool()
    cold(world, SHOP, PITCH, sorted(world.companies(500)), world.timer(500, 2.0, 0.1, 9))
    cold(world, SHOP, replace(PITCH, subject="Following up"), world.companies(500), world.timer(500, 6.0, 0.3, 20))
