"""Estates as hypothesis draws them: every one holds together, so that what is tested is what is done with it."""

from hypothesis import strategies as st

from goodstanding.admission.estate import (
    Domain,
    Estate,
    IsolationException,
    Pool,
    Sender,
    Subscription,
    Tenant,
    TokenCredential,
)
from goodstanding.model import Stream

ISSUER = "https://id.example/shop"
NAMES = st.sampled_from(["shop", "bank", "a", "city-hall", "x0"])
TEXTS = st.text(max_size=12)
STREAMS = st.sampled_from(list(Stream))


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    """Tenants, and things that only refer to what is there."""
    tenants = draw(st.lists(NAMES, min_size=1, unique=True))
    owner = st.sampled_from(tenants)
    subscriptions = {
        name: draw(st.builds(Subscription, st.just(name), STREAMS, TEXTS, st.just(""), LIMITS, LIMITS, PEOPLE, BOOLS))
        for name in draw(st.lists(st.builds("{}/{}".format, owner, NAMES), unique=True, max_size=4))
    }
    domains = {
        f"{one.stream}.{one.tenant}.example": Domain(f"{one.stream}.{one.tenant}.example", one.tenant, one.stream.value)
        for one in subscriptions.values()
    }
    senders = [
        Sender(f"{draw(NAMES)}@{one.stream}.{one.tenant}.example", one.name, draw(TEXTS))
        for one in subscriptions.values()
        if draw(BOOLS)
    ]
    tokens = [
        TokenCredential(one.name.replace("/", "-") + "|app", one.name, ISSUER, draw(NAMES), draw(NAMES | st.just("")))
        for one in subscriptions.values()
        if draw(BOOLS)
    ]
    exceptions = draw(st.sets(st.sampled_from(["a.example b.example", "b.example c.example"])))
    return Estate(
        tenants=tuple(
            draw(st.builds(Tenant, st.just(name), COUNTRIES, TEXTS, SHARING, CONTACTS)) for name in sorted(tenants)
        ),
        pools=tuple(draw(st.builds(Pool, st.just(name), STREAMS, owner, ADDRESSES)) for name in draw(POOLS)),
        domains=tuple(domains[name] for name in sorted(domains)),
        subscriptions=tuple(subscriptions[name] for name in sorted(subscriptions)),
        senders=tuple({one.address: one for one in sorted(senders, key=lambda one: one.address)}.values()),
        token_credentials=tuple(sorted(tokens, key=lambda one: one.username)),
        isolation_exceptions=tuple(
            IsolationException(*names.split(), draw(st.text(min_size=1, max_size=5))) for names in sorted(exceptions)
        ),
    )


LIMITS = st.integers(0, 1_000_000)
PEOPLE = st.integers(1, 50_000)
BOOLS = st.booleans()
COUNTRIES = st.sampled_from(["", "IT", "DE"])
CONTACTS = st.sampled_from(["", "postmaster@shop.example", "Anna@Shop.Example"])
SHARING = st.sampled_from(["refuse", "exception"])
ADDRESSES = st.sampled_from([(), ("203.0.113.7",), ("2001:db8::1", "203.0.113.8")])
POOLS = st.sets(st.sampled_from(["one", "two", "three"])).map(sorted)
