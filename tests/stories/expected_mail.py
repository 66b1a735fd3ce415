"""Stories of mail that people wait for: it must flow, and codes must not be late."""

from __future__ import annotations

from dataclasses import replace

from goodstanding.admission.facts import Proof, Terms
from goodstanding.model import Stream
from tests.stories.world import HOUR, MINUTE, Flow, Sender, Template, World

SHOP = Sender("shop/app", "shop.example")
CODE = Template("Your code", 1, 12, cues=(("code", 1.0),))
RESET = Template("Reset your password", 2, 40, cues=(("reset", 1.0),))
ORDER = Template("Your order", 3, 80, cues=(("order", 1.0),))


def triggered(world: World) -> Proof:
    """In the honest version the application says who caused the message."""
    return Proof.TRIGGER if world.honest else Proof.NONE


def codes_of_an_established_shop(world: World) -> None:
    world.established(SHOP, 2000)
    world.pool()
    people = world.private(1500)
    world.know(people[::3])
    world.add(Flow(SHOP, CODE, people, world.chance(1500, 12), triggered(world), answers=0.8, exists=0.985))


def codes_to_strangers_only(world: World) -> None:
    world.established(SHOP, 2000)
    world.pool()
    world.add(
        Flow(SHOP, CODE, world.private(1200), world.chance(1200, 12), triggered(world), answers=0.8, exists=0.985)
    )


def a_new_customer_begins(world: World) -> None:
    """New subscription, domain and tenant on a shared pool; ACS's limits of 30 a minute and 100 an hour."""
    world.pool()
    new = Sender("start/app", "start.example", terms=Terms())
    world.add(Flow(new, CODE, world.private(40), world.chance(40, 12), triggered(world), answers=0.8, exists=0.985))


def launch_day(world: World) -> None:
    """A product is in the news: five times the usual sign-ups, all strangers."""
    world.established(SHOP, 1000)
    world.pool()
    world.add(
        Flow(SHOP, CODE, world.private(5000), world.chance(5000, 10), triggered(world), answers=0.8, exists=0.985)
    )


def black_friday(world: World) -> None:
    """Ten times the usual orders, two thirds by customers."""
    world.established(SHOP, 500)
    world.pool()
    people = world.private(5000)
    world.know(people[: 2 * 5000 // 3])
    world.rng.shuffle(people)
    world.add(Flow(SHOP, ORDER, people, world.chance(5000, 14), triggered(world)))


def ten_thousand_resets(world: World) -> None:
    """After an incident elsewhere everybody resets; honest: triggers reported, else the ledger knows earlier mail."""
    world.established(SHOP, 1000)
    world.pool()
    people = world.private(10_000)
    if not world.honest:
        world.know(people)
    world.add(Flow(SHOP, RESET, people, world.surge(10_000, 1.5 * HOUR), triggered(world), answers=0.6))


def ten_thousand_resets_of_strangers(world: World) -> None:
    """The same burst, and no earlier mail is known of anybody: the honest version reports triggers."""
    world.established(SHOP, 1000)
    world.pool()
    people = world.private(10_000)
    world.add(Flow(SHOP, RESET, people, world.surge(10_000, 1.5 * HOUR), triggered(world), answers=0.6, exists=0.985))


def ten_thousand_resets_declared(world: World) -> None:
    """A forced reset, sent by a script, sorted, to people nothing is recorded of: declared as an incident."""
    world.established(SHOP, 1000)
    world.pool()
    name = world.declare("forced-reset", SHOP, 10_000)
    people = sorted(world.private(10_000))
    world.add(Flow(SHOP, RESET, people, world.timer(10_000, 0.2), incident=name, answers=0.3))


def a_breach_notice(world: World) -> None:
    """To all customers, in a day, by a script; honest: declared, else customers are known from earlier mail."""
    world.established(SHOP, 800)
    world.pool()
    people = sorted(world.private(3000))
    incident = world.declare("breach", SHOP, 3000) if world.honest else ""
    if not world.honest:
        world.know(people)
    notice = Template("Important notice about your data", 4, 200)
    world.add(Flow(SHOP, notice, people, world.timer(3000, 1.0), incident=incident, complains=0.0005))


def an_incident_ends_at_its_number(world: World) -> None:
    """A declared reset for 300 is used for 1,500: the rest is judged like any mail."""
    world.established(SHOP, 200)
    world.pool()
    name = world.declare("small", SHOP, 300)
    people = sorted(world.companies(1500))
    cold = Template("Reset your password", 5, 40)
    world.add(Flow(SHOP, cold, people, world.timer(1500, 1.0), incident=name, expected=False, complains=0.02))


def invitations_of_colleagues(world: World) -> None:
    """Users invite their colleagues: strangers, several per company, at office hours."""
    saas = world.established(Sender("saas/app", "saas.example"), 600)
    world.pool()
    people = world.colleagues(120, 4)
    invite = Template("has invited you", 6, 50)
    world.add(Flow(saas, invite, people, world.chance(480, 9), triggered(world), answers=0.5, exists=0.985))


def monthly_invoices(world: World) -> None:
    """By a script, sorted by customer, to customers; honest: the contract is recorded, else earlier logins are."""
    books = world.established(Sender("books/billing", "books.example"), 100)
    world.pool()
    people = sorted(world.private(2000, companies=0.5))
    world.know(people, Proof.PERMISSION if world.honest else Proof.INTERACTION)
    invoice = Template("Your invoice", 7, 90, cues=(("invoice", 1.0),))
    world.add(Flow(books, invoice, people, world.timer(2000, 0.5)))


def invoices_nobody_vouches_for(world: World) -> None:
    """The same run on its first day here; honest: the contracts were imported, else nothing is known of anybody."""
    books = world.established(Sender("books/billing", "books.example"), 100)
    world.pool()
    people = sorted(world.private(2000, companies=0.5))
    if world.honest:
        world.know(people, Proof.PERMISSION)
    invoice = Template("Your invoice", 7, 90, cues=(("invoice", 1.0),))
    world.add(Flow(books, invoice, people, world.timer(2000, 0.5)))


def a_new_customer_with_a_rush(world: World) -> None:
    """Two hundred and fifty codes on the first day of everything."""
    world.pool()
    new = Sender("start/app", "start.example", terms=Terms(minute_limit=60, hour_limit=500))
    world.add(Flow(new, CODE, world.private(250), world.chance(250, 6), triggered(world), answers=0.8, exists=0.985))


def strangers_answer(world: World) -> None:
    """No triggers, but the application reports codes that were entered: that pays for the next ones."""
    world.pool()
    new = Sender("start/app", "start.example", terms=Terms(minute_limit=60, hour_limit=500))
    world.add(Flow(new, CODE, world.private(250), world.chance(250, 6), answers=0.8, exists=0.985))


def parcels_on_their_way(world: World) -> None:
    carrier = world.established(Sender("carrier/track", "carrier.example"), 4000)
    world.pool()
    people = world.private(3000)
    world.know(people[: len(people) // 2])
    world.rng.shuffle(people)
    parcel = Template("Your parcel arrives today", 8, 60, cues=(("delivery", 1.0),))
    world.add(Flow(carrier, parcel, people, world.chance(3000, 10), triggered(world), complains=0.0003))


def reminders_at_eight(world: World) -> None:
    """Patients of tomorrow, by a script at eight sharp."""
    clinic = world.established(Sender("clinic/remind", "clinic.example"), 150)
    world.pool()
    people = world.private(150)
    world.know(people, Proof.PERMISSION if world.honest else Proof.INTERACTION)
    remind = Template("Your appointment tomorrow", 9, 40, cues=(("appointment", 1.0),))
    world.add(Flow(clinic, remind, people, world.timer(150, 0.3)))


def receipts_at_the_till(world: World) -> None:
    """Nine of ten buyers are strangers; a month of clean history."""
    till = world.established(Sender("till/receipts", "till.example"), 1500)
    world.pool()
    people = world.private(1500, companies=0.1)
    world.know(people[::10])
    receipt = Template("Your receipt", 10, 70, cues=(("receipt", 1.0),))
    world.add(Flow(till, receipt, people, world.chance(1500, 12), triggered(world), complains=0.0005, exists=0.985))


def confirmations_of_a_newsletter(world: World) -> None:
    """Double opt-in: the confirmation goes to a stranger who has just typed the address."""
    world.established(SHOP, 400)
    world.pool()
    confirm = Template("Please confirm", 11, 35)
    people = world.private(600)
    world.add(
        Flow(
            SHOP, confirm, people, world.chance(600, 14), triggered(world), complains=0.0005, answers=0.6, exists=0.985
        )
    )


def answers_of_a_contact_form(world: World) -> None:
    firm = world.established(Sender("firm/site", "firm.example"), 40)
    world.pool()
    people = world.private(60, companies=0.6)
    reply = Template("We have your message", 12, 30)
    world.add(Flow(firm, reply, people, world.chance(60, 10), triggered(world)))


def snow_day(world: World) -> None:
    """A school writes to all parents at five in the morning, sorted, by a script."""
    school = world.established(Sender("school/office", "school.example"), 60)
    world.pool()
    people = sorted(world.private(1200))
    world.know(people, Proof.PERMISSION if world.honest else Proof.INTERACTION)
    closed = Template("School is closed today", 13, 45)
    world.add(Flow(school, closed, people, world.timer(1200, 0.1, start=5)))


def codes_asked_for_again(world: World) -> None:
    """The network is slow, and a third ask for a second code within a minute."""
    world.established(SHOP, 800)
    world.pool()
    people, times = world.private(600), world.chance(600, 10)
    again = [(at + 40, one) for at, one in zip(times[::3], people[::3], strict=True)]
    both = sorted([*zip(times, people, strict=True), *again])
    flow = Flow(
        SHOP, CODE, [one for _, one in both], [at for at, _ in both], triggered(world), answers=0.8, exists=0.985
    )
    world.add(flow)


def a_service_of_companies(world: World) -> None:
    """Sign-ups by company address only, each a company of its own: the hardest honest case."""
    saas = world.established(Sender("saas/app", "saas.example"), 600)
    world.pool()
    world.add(
        Flow(saas, CODE, world.companies(300), world.chance(300, 10), triggered(world), answers=0.8, exists=0.985)
    )


def a_newsletter_with_permission(world: World) -> None:
    letters = world.established(replace(SHOP, name="shop/news", domain="news.shop.example", stream=Stream.BULK), 3000)
    world.pool()
    people = sorted(world.private(2000))
    world.know(people, Proof.PERMISSION)
    letter = Template("News of the week", 14, 200, unsubscribe=True, cues=(("offer", 1.0),) if world.honest else ())
    world.add(Flow(letters, letter, people, world.timer(2000, 0.1), complains=0.0005))


def too_fast_for_a_new_subscription(world: World) -> None:
    """Forty codes in one minute with a limit of thirty: ten come later, none is lost."""
    world.pool()
    new = Sender("start/app", "start.example", terms=Terms())
    people = world.private(40)
    world.add(Flow(new, CODE, people, world.chance(40, MINUTE / HOUR), triggered(world), answers=0.8, exists=0.985))


def codes_while_a_colleague_sells(world: World) -> None:
    """Codes share the subscription with a cold campaign: the campaign is stopped, codes go on."""
    world.established(SHOP, 1500)
    world.pool()
    people = world.private(600)
    world.know(people[::3])
    world.add(Flow(SHOP, CODE, people, world.chance(600, 6), triggered(world), answers=0.8, exists=0.985))
    pitch = Template("Quick question", 15, 90, cues=(("persuasion", 1.0), ("meeting-ask", 1.0)))
    cold = Flow(SHOP, pitch, sorted(world.companies(800)), world.timer(800, 2.0, 0.2, 9), expected=False)
    world.add(replace(cold, complains=0.02, exists=0.93, focus=False))
