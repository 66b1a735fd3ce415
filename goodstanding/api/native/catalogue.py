"""Every family of routes, in the order the documentation tells of them."""

from __future__ import annotations

from goodstanding.api.native import (
    about,
    credentials,
    domains,
    estate,
    feedback,
    incidents,
    isolation,
    keys,
    letters,
    pools,
    quarantine,
    queue,
    reputation,
    reviews,
    standings,
    subscriptions,
    suppressions,
    tenants,
    tracing,
    trust,
    webhooks,
)

FAMILIES = (
    *(about.routes, keys.routes, tenants.routes, subscriptions.routes, credentials.routes, domains.routes),
    letters.routes,
    *(pools.routes, estate.routes, isolation.routes, tracing.routes, queue.routes, quarantine.routes),
    *(trust.routes, suppressions.routes, feedback.routes, reputation.routes, standings.routes, reviews.routes),
    *(incidents.routes, webhooks.routes),
)
ROUTES = tuple(one for family in FAMILIES for one in family.found)
