"""Programs that hold credentials: `docker-credential-NAME`."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable

from registry.credentials import Basic, Credential, IdentityToken
from registry.errors import UnauthorizedError

# A store may ask the person to unlock it.
_TIMEOUT = 60.0
# Helpers renew by themselves: an answer is kept for as long as one round of requests.
_KEPT = 60.0
# docker-credential-helpers, credentials/error.go: what a helper says when it knows no credential.
_NONE = "credentials not found in native keychain"


class CredentialHelper:
    """Asks a helper (docker-credential-helpers, "Development"). Safe to use from several threads.

    Args:
        name: What follows `docker-credential-` in the program's name.
        clock: Tells how long an answer has been kept.

    Raises:
        ValueError: The name cannot be part of a program's name.
    """

    def __init__(self, name: object, clock: Callable[[], float] = time.monotonic) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError("the name of a credential helper is letters, digits, '.', '_' and '-'")
        self._program = f"docker-credential-{name}"
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Credential | None]] = {}

    def get(self, server: str) -> Credential | None:
        """The credential for a server; None when the helper knows none.

        Raises:
            UnauthorizedError: The helper is missing, failed, or answered something else. Nothing that could be
                a secret is shown.
        """
        with self._lock:
            until, credential = self._kept.get(server, (0.0, None))
            if self._clock() >= until:
                credential = self._ask(server)
                self._kept[server] = (self._clock() + _KEPT, credential)
            return credential

    def _ask(self, server: str) -> Credential | None:
        try:
            # By a list, not a shell; the name is checked above.
            done = subprocess.run(  # noqa: S603 - a program that the Docker configuration names
                [self._program, "get"], input=server.encode(), capture_output=True, timeout=_TIMEOUT, check=False
            )
        except FileNotFoundError:
            raise self._failed(
                server, "is not on the PATH", "install it, log in without it, or name another file (REGISTRY_AUTH_FILE)"
            ) from None
        except subprocess.TimeoutExpired:
            raise self._failed(
                server, f"gave no answer within {_TIMEOUT:.0f} s", "unlock its store and repeat"
            ) from None
        except OSError as error:
            raise self._failed(server, f"cannot be run ({error.strerror})", "make it executable") from None
        if done.returncode:
            said = (done.stdout.strip() or done.stderr.strip()).decode("utf-8", "replace")
            if said == _NONE:
                return None
            # Where it fails it says why; a document that has come all the same is not shown.
            reason = f": {said.splitlines()[0][:200]}" if said and "{" not in said else ""
            raise self._failed(server, f"failed with status {done.returncode}{reason}", "log in again and repeat")
        try:
            document = json.loads(done.stdout)
            username, secret = str(document["Username"]), str(document["Secret"])
        except (ValueError, LookupError, TypeError):
            raise self._failed(
                server,
                "answered no JSON with Username and Secret",
                "log in again, or correct the program's name in the configuration",
            ) from None
        if not secret:
            return None
        # "<token>": the secret is an identity token (docker-credential-helpers, "Development").
        return IdentityToken(secret) if username == "<token>" else Basic(username, secret)

    def _failed(self, server: str, answered: str, next_step: str) -> UnauthorizedError:
        return UnauthorizedError(
            server,
            f"the credential helper {self._program} {answered}",
            "the Docker configuration names this program for the registry's credentials",
            next_step,
        )
