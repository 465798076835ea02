# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox over EWS, by exchangelib: the few things that the probe does there."""

from __future__ import annotations

import contextlib
import traceback
import typing as t
from dataclasses import dataclass, field

from ..core.errors import InvalidInput, PushOpsError, Refused, Unreachable
from ..core.redact import redact

try:
    import exchangelib
    import exchangelib.errors
    import requests
    from exchangelib.protocol import BaseProtocol, NoVerifyHTTPAdapter
    from exchangelib.services import SendNotification
    from requests.adapters import HTTPAdapter
except ImportError:
    EXCHANGELIB_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    EXCHANGELIB_IMPORT_ERROR = None

#: What stands in the mailbox for a moment, where its owner may see it.
SUBJECT = "pushops.securemail probe"
#: Minutes between two status events, the least that EWS takes; retries end after as long.
STATUS_FREQUENCY = 1


@dataclass(frozen=True)
class Access:
    """How the mailbox is reached.

    :param endpoint: URL of EWS.
    :param address: SMTP address of the mailbox.
    :param username: who signs in; where it is not the mailbox's own user, it needs rights on it.
    :param auth_type: ``basic``, ``ntlm`` or empty, to ask the server.
    :param ca_path: PEM file of the authority; empty: the store that requests uses.
    :param timeout: seconds that one request may take.
    """

    endpoint: str
    address: str
    username: str
    password: str = field(repr=False)
    auth_type: str = ""
    impersonate: bool = False
    ca_path: str = ""
    validate_certs: bool = True
    timeout: int = 30


class Mailbox:
    """The drafts of one mailbox.

    :raises PushOpsError: from every method, where EWS does not answer or refuses.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        BaseProtocol.HTTP_ADAPTER_CLS = _adapter(access)
        BaseProtocol.TIMEOUT = access.timeout
        with self._explained("be signed in to"):
            configuration = exchangelib.Configuration(
                service_endpoint=access.endpoint,
                credentials=exchangelib.Credentials(access.username, access.password),
                auth_type={"basic": exchangelib.BASIC, "ntlm": exchangelib.NTLM}.get(access.auth_type),
                # Every supported Exchange takes this schema, so none has to be asked for its own first.
                version=exchangelib.Version(build=exchangelib.version.EXCHANGE_2013_SP1),
            )
            self._account = exchangelib.Account(
                access.address,
                config=configuration,
                autodiscover=False,
                access_type=exchangelib.IMPERSONATION if access.impersonate else exchangelib.DELEGATE,
            )

    def subscribe(self, url: str) -> str:
        """Have changes among the drafts sent to a URL; the id of the subscription."""
        with self._explained("be subscribed to"):
            subscription: tuple[str, str] = self._account.drafts.subscribe_to_push(
                url, event_types=["CreatedEvent"], status_frequency=STATUS_FREQUENCY
            )
        return subscription[0]

    def add_draft(self) -> t.Any:
        """Save an empty draft."""
        with self._explained("be written to"):
            draft = exchangelib.Message(account=self._account, folder=self._account.drafts, subject=SUBJECT)
            return draft.save()

    def delete(self, draft: t.Any) -> None:
        """Delete it for good."""
        with self._explained("be cleaned of the probe's draft"):
            draft.delete()  # exchangelib's word for HardDelete

    def close(self) -> None:
        self._account.protocol.close()

    @contextlib.contextmanager
    def _explained(self, what: str) -> t.Iterator[None]:
        """Say what exchangelib raises in words that an operator can act on."""
        access = self._access
        try:
            yield
        except exchangelib.errors.UnauthorizedError:
            raise Refused(
                f"EWS at {access.endpoint} refuses the sign-in of {access.username}",
                "Correct username, password and auth_type",
            ) from None
        except (exchangelib.errors.EWSError, requests.RequestException, OSError) as problem:
            raise _explanation(access, what, problem) from None


class Notifications:
    """Notifications as exchangelib reads and answers them."""

    def __init__(self) -> None:
        self._service = SendNotification(protocol=None)

    def read(self, content: bytes) -> list[str]:
        try:
            return [
                type(event).__name__
                for notification in self._service.parse(content)
                for event in notification.events or ()
            ]
        except Exception as problem:  # whatever a stranger posts
            raise ValueError(type(problem).__name__) from None

    def answer(self, *, go_on: bool) -> bytes:
        content: bytes = self._service.ok_payload() if go_on else self._service.unsubscribe_payload()
        return content


_RIGHTS = "Give the user full access to the mailbox, or let it impersonate its owner and set impersonate=true"
_REMEDIES = {
    "ErrorNonExistentMailbox": "Correct mailbox; it needs a mailbox on premises",
    "ErrorAccessDenied": _RIGHTS,
    "ErrorImpersonateUserDenied": "Give the user the role ApplicationImpersonation for this mailbox",
    "ErrorSubscriptionDelegateAccessNotSupported": "Sign in as the mailbox's own user, or set impersonate=true: EWS"
    " lets no delegate subscribe",
    "ErrorExceededSubscriptionCount": "Wait for the mailbox's other subscriptions to end, or raise EwsMaxSubscriptions"
    " in its throttling policy",
    "ErrorInvalidPushSubscriptionUrl": "Correct receiver.url",
}


def _explanation(access: Access, what: str, problem: Exception) -> PushOpsError:
    name = type(problem).__name__
    if name.startswith("Error"):
        return Refused(
            f"{access.address} cannot {what}: EWS answers {name}", _REMEDIES.get(name, "Look up this code of EWS")
        )
    text = redact(" ".join(str(problem).split()), [access.password])[:300]
    return Unreachable(
        f"EWS at {access.endpoint} does not answer as EWS does: {name}: {text}",
        "Look at the URL, at the certificate and its authority (ca_path), and at the application pool of EWS",
    )


def _adapter(access: Access) -> type[HTTPAdapter]:
    if not access.validate_certs:
        insecure: type[HTTPAdapter] = NoVerifyHTTPAdapter
        return insecure
    if not access.ca_path:
        return HTTPAdapter

    class Trusting(HTTPAdapter):
        """Trusts one file of authorities."""

        def cert_verify(self, conn: t.Any, url: str, verify: t.Any, cert: t.Any) -> None:
            try:
                super().cert_verify(conn, url, access.ca_path, cert)
            except OSError:
                raise InvalidInput("ca_path", access.ca_path, "a PEM file of authorities", "Correct it") from None

    return Trusting
