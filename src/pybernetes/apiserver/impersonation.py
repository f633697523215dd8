"""Acting as somebody else: the Impersonate- headers, for those who may impersonate.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

from collections.abc import Iterable

from pybernetes.api.errors import BadRequest
from pybernetes.apiserver.auth.attributes import Attributes
from pybernetes.apiserver.auth.authorizers import denial
from pybernetes.apiserver.auth.user import User, extra_of, with_standing
from pybernetes.apiserver.authorization import refusal
from pybernetes.apiserver.context import Context
from pybernetes.semantics import service_accounts

_EXTRA = "impersonate-extra-"


async def impersonate(context: Context) -> None:
    """Replace the context's user by the one that the headers name. Raises Forbidden and BadRequest."""
    headers = context.request.headers
    name = headers.get("impersonate-user")
    groups = headers.get_all("impersonate-group")
    uid = headers.get("impersonate-uid")
    extra = extra_of(headers, _EXTRA)
    if not name:
        if groups or uid or extra:
            raise BadRequest(_nobody(groups, uid, extra))
        return
    await _may_be_user(context, name)
    for group in groups:
        await _may(context, Attributes("impersonate", "", "v1", "groups", name=group))
    if uid:
        await _may(context, Attributes("impersonate", "authentication.k8s.io", "v1", "uids", name=uid))
    for key, values in extra:
        for value in values:
            await _may(
                context,
                Attributes("impersonate", "authentication.k8s.io", "v1", "userextras", key, name=value),
            )
    context.user = User(name, uid, _groups(name, groups), extra)


def _nobody(groups: list[str], uid: str, extra: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    """What is asked for beside a user, in upstream's words."""

    def texts(values: Iterable[str]) -> str:
        return "[]string{" + ", ".join(f'"{value}"' for value in values) + "}"

    shown_groups = texts(groups) if groups else "[]string(nil)"
    entries = ", ".join(f'"{key}":{texts(values)}' for key, values in extra)
    shown_extra = f"map[string][]string{{{entries}}}" if entries else "map[string][]string(nil)"
    who = f'Name:"", UID:"{uid}", Groups:{shown_groups}, Extra:{shown_extra}'
    return f"requested &user.DefaultInfo{{{who}}} without impersonating a user name"


async def _may_be_user(context: Context, name: str) -> None:
    account = service_accounts.split_user_name(name)
    if account is not None:
        namespace, account_name = account
        await _may(
            context,
            Attributes("impersonate", "", "v1", "serviceaccounts", namespace=namespace, name=account_name),
        )
    else:
        await _may(context, Attributes("impersonate", "", "v1", "users", name=name))


def _groups(name: str, groups: list[str]) -> tuple[str, ...]:
    """Accounts get their own groups when none are asked for; everybody is authenticated, but for anonymous."""
    found = list(groups)
    account = service_accounts.split_user_name(name)
    if account is not None and not groups:
        found.extend(service_accounts.groups(account[0]))
    return with_standing(name, found)


async def _may(context: Context, asked: Attributes) -> None:
    allowed, reason = await context.server.authorizers.authorize(context.user, asked)
    if not allowed:
        raise refusal(asked, denial(context.user, asked, reason))
