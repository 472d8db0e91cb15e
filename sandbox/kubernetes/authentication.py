"""Who sends a request: bearer tokens, anonymous users, impersonation."""

import asyncio
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from sandbox.authenticator import Identity, Refused
from sandbox.kubernetes.identity import Attributes, Decision, User
from sandbox.kubernetes.resources import BY_PATH, SERVICE_ACCOUNTS, Resource
from sandbox.kubernetes.status_error import StatusError, forbidden, unauthorized

ADMIN = User("sandbox-admin", ("system:masters", "system:authenticated"), "sandbox")
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))

_AUTHENTICATED = "system:authenticated"


class Authentication:
    """Authenticates requests as a kube-apiserver with a token file and a token webhook does.

    Args:
        admin_token: The sandbox's own token.
        authenticate: Tells whose any other token is. Called in a thread, since it may ask this very server.
    """

    def __init__(self, admin_token: str, authenticate: Callable[[str], Identity]) -> None:
        self._admin_token = admin_token.encode()
        self._authenticate = authenticate
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="token-authentication")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def user_of(self, request: web.Request) -> User:
        """The authenticated user.

        Raises:
            StatusError: 401.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        return await self.user_of_token(token.strip())

    async def user_of_token(self, token: str) -> User:
        """Whose a token is.

        Raises:
            StatusError: 401.
        """
        if hmac.compare_digest(token.encode(), self._admin_token):
            return ADMIN
        loop = asyncio.get_running_loop()
        try:
            identity = await loop.run_in_executor(self._threads, self._authenticate, token)
        except Refused as error:
            raise unauthorized() from error
        return User(identity.username, (*identity.groups, _AUTHENTICATED), identity.uid, identity.arn)


def impersonated(request: web.Request, user: User, authorize: Callable[[User, Attributes], Decision]) -> User:
    """The user that a request wants to act as, the user itself when it does not.

    Raises:
        StatusError: 403, the user may not impersonate it.
    """
    name = request.headers.get("Impersonate-User", "")
    groups = request.headers.getall("Impersonate-Group", [])
    if not name:
        if groups:
            message = f"requested {groups} without impersonating a user"
            raise StatusError(500, "InternalError", f"Internal error occurred: {message}")
        return user
    account = name.split(":") if name.startswith("system:serviceaccount:") else []
    if len(account) == 4:
        _check(user, Attributes("impersonate", "", "serviceaccounts", "", account[2], account[3]), authorize)
    else:
        _check(user, Attributes("impersonate", "", "users", name=name), authorize)
    for group in groups:
        _check(user, Attributes("impersonate", "", "groups", name=group), authorize)
    given = list(groups)
    if len(account) == 4:
        given += [] if groups else ["system:serviceaccounts", f"system:serviceaccounts:{account[2]}"]
    if name == ANONYMOUS.name:
        return User(name, (*given, *(group for group in ANONYMOUS.groups if group not in given)))
    if _AUTHENTICATED not in given and ANONYMOUS.groups[0] not in given:
        given.append(_AUTHENTICATED)
    return User(name, tuple(given))


def _check(user: User, asked: Attributes, authorize: Callable[[User, Attributes], Decision]) -> None:
    decision = authorize(user, asked)
    if not decision.allowed:
        raise forbidden_request(user, asked, decision.reason)


def forbidden_request(user: User, asked: Attributes, reason: str) -> StatusError:
    """403 as authorization answers it (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go`)."""
    suffix = f": {reason}" if reason else ""
    if not asked.resource:
        text = f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"{suffix}'
        return StatusError(403, "Forbidden", text, {})
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    text = (
        f'User "{user.name}" cannot {asked.verb} resource "{asked.full_resource}" in API group "{asked.group}" {where}'
    )
    served = BY_PATH.get((asked.group, "v1", asked.resource))
    resource = served or Resource(asked.group, "v1", asked.resource, "", SERVICE_ACCOUNTS.namespaced)
    return forbidden(resource, asked.name, text + suffix)
