"""What applications submit mail with: user names with secrets or tokens, and access keys of the ACS-compatible API."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, cast

from msgspec import Meta, Struct

from goodstanding.admission.estate import TokenCredential
from goodstanding.api.native.changing import carried_out, no_contradiction
from goodstanding.api.native.fields import Line, Paging, SubscriptionName
from goodstanding.api.native.paging import page
from goodstanding.api.native.problems import ProblemError, missing
from goodstanding.api.native.routes import Call, Page, Routes
from goodstanding.operate import access_keys as keys
from goodstanding.operate import estate as changes
from goodstanding.operate import subscriptions as verbs
from goodstanding.store import estate
from goodstanding.store.access_keys import Slot

routes = Routes(
    "credentials",
    "What applications submit mail with: user names with secrets or, linked by an operator, with tokens of an issuer; "
    "and access keys, with which programs sign requests as Azure's SDKs do.",
)
Username = Annotated[
    str, Meta(max_length=256, pattern="^[!-~]*$", description="E.g. the application's at ACS; empty: one is made up.")
]
SlotWord = Annotated[Slot, Meta(description="Which of the two keys; change one while the other is in use.")]


class CredentialShown(Struct, frozen=True, kw_only=True):
    """A user name, without its secret, which nobody can show."""

    username: str
    subscription: str
    stream: str
    created: float
    revoked: float
    """0: it is live."""
    issuer: str
    """Whose tokens open it; empty: a secret does."""
    application: str
    issuer_tenant: str


class CredentialMade(Struct, frozen=True, kw_only=True):
    """A new credential; the secret is shown this once."""

    username: str
    secret: str
    subscription: str
    stream: str


class NewCredential(Struct, forbid_unknown_fields=True, kw_only=True):
    """For whom a credential is to be made."""

    subscription: SubscriptionName
    username: Username = ""


class NewLink(Struct, forbid_unknown_fields=True, kw_only=True):
    """An application whose tokens are to open a subscription."""

    subscription: SubscriptionName
    issuer: Annotated[Line, Meta(min_length=1, description="Who makes its tokens: a [[tokens.issuers]] entry.")]
    application: Annotated[Line, Meta(min_length=1, description="What the issuer calls it: its client id.")]
    tenant: Annotated[Line, Meta(description="Its tenant at the issuer; empty: whichever the token names.")] = ""
    username: Annotated[Username, Meta(description="Empty: SUBSCRIPTION|APPLICATION|TENANT.")] = ""


class AccessKeyShown(Struct, frozen=True, kw_only=True):
    """An access key, without its secret."""

    subscription: str
    slot: str
    created: float


class AccessKeyMade(Struct, frozen=True, kw_only=True):
    """A new access key, shown this once."""

    subscription: str
    slot: str
    key: str
    endpoint: str
    """Where programs post; empty: nowhere yet, set api.listeners."""
    connection_string: str


class NewAccessKey(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which key to make anew."""

    subscription: SubscriptionName
    slot: SlotWord = "primary"


@routes.get("/credentials", "credentials:read")
def list_(call: Call, query: Paging) -> Page[CredentialShown]:
    """List credentials, revoked ones too."""
    return page(call, _shown(call), query.limit, lambda one: (one.username,))


@routes.post("/credentials", "credentials:write", status=201, once=True)
def add(call: Call, body: NewCredential) -> CredentialMade:
    """Make a credential for a subscription; its secret is shown this once and kept nowhere."""
    _subscription(call, body.subscription)
    place = call.place
    with no_contradiction(call):
        made = verbs.add_credential(place.database, place.master, body.subscription, None, call.by, body.username)
    who = made.identity
    return CredentialMade(
        username=made.username, secret=made.secret, subscription=who.subscription, stream=who.stream.value
    )


@routes.get("/credentials/{username}", "credentials:read")
def show(call: Call, username: str) -> CredentialShown:
    """Show a credential."""
    found = next((one for one in _shown(call) if one.username == username), None)
    if found is None:
        raise missing("credential", username)
    return found


@routes.delete("/credentials/{username}", "credentials:write")
def revoke(call: Call, username: str) -> None:
    """Let a credential open nothing any more, within seconds."""
    if show(call, username).revoked:
        raise ProblemError("conflict", "this credential is revoked already")
    verbs.revoke_credential(call.place.database, username, call.by)


@routes.post("/credentials/link", "credentials:write", operator=True, status=201)
def link(call: Call, body: NewLink) -> CredentialShown:
    """Let tokens of an application open a subscription; there is no secret. The same twice is once."""
    wanted = TokenCredential(body.username, body.subscription, body.issuer, body.application, body.tenant)
    wanted = wanted if body.username else replace(wanted, username=verbs.link_name(wanted))
    _subscription(call, body.subscription)
    carried_out(call, lambda: changes.add(call.place, wanted, call.terms))
    return show(call, wanted.username)


# --- access keys -----------------------------------------------------------------------------------------------------


@routes.get("/access-keys", "credentials:read")
def access_keys(call: Call, query: Paging) -> Page[AccessKeyShown]:
    """List access keys."""
    return page(call, _access_keys(call), query.limit, lambda one: (one.subscription, one.slot))


@routes.post("/access-keys", "credentials:write", status=201, once=True)
def regenerate(call: Call, body: NewAccessKey) -> AccessKeyMade:
    """Make an access key, in the place of the one in its slot; it is shown this once."""
    _subscription(call, body.subscription)
    place, api = call.place, call.place.settings.api
    made = keys.regenerate(place.database, place.master, body.subscription, body.slot, None, call.by)
    return AccessKeyMade(
        subscription=made.subscription,
        slot=made.slot,
        key=made.key,
        endpoint=keys.endpoint(api),
        connection_string=keys.connection_string(api, made),
    )


@routes.delete("/access-keys/{tenant}/{application}/{slot}", "credentials:write")
def revoke_access_key(call: Call, tenant: str, application: str, slot: str) -> None:
    """Let an access key open nothing any more, within seconds."""
    name = f"{tenant}/{application}"
    found = next((one for one in _access_keys(call) if (one.subscription, one.slot) == (name, slot)), None)
    if found is None:
        raise missing(f"{slot} access key of", name)
    keys.revoke(call.place.database, name, cast(Slot, slot), call.by)


def _subscription(call: Call, name: str) -> None:
    with call.place.database.read() as tx:
        identity = estate.subscription(tx, name)
    call.owned(identity.tenant if identity else None, "subscription", name)


def _access_keys(call: Call) -> list[AccessKeyShown]:
    return [
        AccessKeyShown(subscription=one.subscription, slot=one.slot, created=one.created)
        for one in keys.listing(call.place.database)
        if call.sees(one.subscription.partition("/")[0])
    ]


def _shown(call: Call) -> list[CredentialShown]:
    return [
        CredentialShown(
            username=one.username,
            subscription=one.identity.subscription,
            stream=one.identity.stream.value,
            created=one.created,
            revoked=one.revoked or 0.0,
            issuer=one.link.issuer if one.link else "",
            application=one.link.application if one.link else "",
            issuer_tenant=one.link.issuer_tenant if one.link else "",
        )
        for one in verbs.credentials(call.place.database)
        if call.sees(one.identity.tenant)
    ]
