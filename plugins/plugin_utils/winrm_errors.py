# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed WinRM connection or request is called, and what to do about it.

Ansible's connection reports a failed login as text alone, so the text is looked at; each line below names whose it is.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pushops.securemail.plugins.module_utils.core.errors import (
    PushOpsError,
    Refused,
    Unreachable,
)

if t.TYPE_CHECKING:
    from winrm.exceptions import WSManFaultError

#: ERROR_WSMAN_QUOTA_MAX_OPERATIONS: WinRS does not count a shell's commands down, only a new shell helps (the same
#: code that ansible-core's winrm connection looks for).
QUOTA_OPERATIONS = 0x803381A6
#: ERROR_WSMAN_QUOTA_*, of a user, a shell or the host (wsmerror.h, as PowerShell's CimChildJobBase lists it).
QUOTAS = frozenset({*range(0x803381A5, 0x803381A9), 0x803381AB, *range(0x803381E4, 0x803381EB)})
SHELL_NOT_FOUND = 0x8033805B
ACCESS_DENIED = 5

_FAULT_CODE = re.compile(r"'wsmanfault_code': '?(\d+)")  # WSManFaultError of pywinrm 0.5
#: A pattern of the reason, in lower case -> what it means for the host, and what to do.
_NAMED: tuple[tuple[str, str, str], ...] = (
    # MIT Kerberos: kinit, and the messages that GSSAPI hands on
    (
        r"password incorrect|preauthentication failed|client '?[^ ]+ not found in kerberos|credentials.* revoked"
        r"|password has expired",
        "{host} was not asked, because Kerberos refused the user name or password: {reason}",
        "Check ansible_user, which is name@REALM with the realm in capitals, ansible_password and the account's state",
    ),
    (
        r"(contact|find|resolve).* kdc|kdc for realm",
        "{host} was not asked, because no KDC answers: {reason}",
        "Check the realm in krb5.conf on the controller, and that its KDC can be reached on port 88",
    ),
    (
        r"clock skew",
        "{host} was not asked, because the clocks of the controller and the KDC differ: {reason}",
        "Set the controller's clock by the domain's time service; Kerberos allows 5 minutes",
    ),
    (
        r"ticket expired|no kerberos credentials|no credentials were supplied|in cache collection"
        r"|credentials cache.*not found",
        "{host} was not asked, because there is no valid Kerberos ticket: {reason}",
        "Run kinit for ansible_user where Ansible runs, or set ansible_password, with which Ansible runs it",
    ),
    (
        r"server '?[^ ]+ not found in kerberos",
        "{host} was not asked, because the realm has no service HTTP/ of that name: {reason}",
        "Set ansible_host to the host's full name, or ansible_winrm_kerberos_hostname_override beside an address",
    ),
    # Ansible and pywinrm
    (
        r"kerberos library is not installed|pykerberos is not installed|calling kinit cmd",
        "{host} was not asked, because the controller cannot use Kerberos: {reason}",
        "Install pywinrm[kerberos] beside ansible-core, and the package that has kinit (krb5-user)",
    ),
    (
        r"requests-credssp is not installed|does not support transport.*credssp",
        "{host} was not asked, because the controller cannot use CredSSP: {reason}",
        "Install pywinrm[credssp] beside ansible-core",
    ),
    (
        r"cert_(key_)?pem",
        "{host} was not asked: {reason}",
        "Set ansible_winrm_cert_pem and ansible_winrm_cert_key_pem to files that Ansible may read",
    ),
    (
        r"ca certificate bundle",
        "{host} was not asked: {reason}",
        "Set ansible_winrm_ca_trust_path to the file of the authority that issued the host's certificate",
    ),
    # requests-credssp
    (
        r"credssp being an available",
        "{host} does not offer CredSSP",
        'Turn it on there (winrm set winrm/config/service/auth @{{CredSSP="true"}}), or set another'
        " ansible_winrm_transport",
    ),
    (
        # STATUS_LOGON_FAILURE to STATUS_ACCOUNT_DISABLED, STATUS_PASSWORD_MUST_CHANGE and _ACCOUNT_LOCKED_OUT,
        # SEC_E_LOGON_DENIED
        r"credssp.*0x(c000006[d-f]|c000007[0-2]|c0000224|c0000234|8009030c)",
        "{host} rejected the user name or password",
        "Check ansible_user, ansible_password and the account's state",
    ),
    # OpenSSL's alerts for the client's certificate, or a host that hangs up without one
    (
        r"alert (unknown ca|certificate (expired|revoked|unknown)|bad certificate|certificate required"
        r"|unsupported certificate)|alert_(unknown_ca|certificate|bad_certificate|unsupported_certificate)"
        r"|^certificate: .*(connection aborted|eof occurred|reset by peer|closed connection)",
        "{host} refused the client certificate: {reason}",
        "Set ansible_winrm_cert_pem to a certificate that is valid and from an authority that the host trusts",
    ),
    # Ansible, for HTTP status 401
    (
        r"certificate: .*credentials were rejected",
        "{host} has no account for the client certificate, or takes none",
        'Map it there (winrm enumerate winrm/config/service/certmapping) and set Certificate="true" in'
        " winrm/config/service/auth",
    ),
    (
        r"credentials were rejected",
        "{host} rejected the user name or password",
        "Check ansible_user, ansible_password, the account's state, and that the host takes ansible_winrm_transport"
        " there (winrm get winrm/config/service)",
    ),
    # OpenSSL, for the host's certificate
    (
        r"certificate_verify_failed.*(hostname|ip address) mismatch",
        "The certificate of {host} is for another name: {reason}",
        "Set ansible_host to a name that stands in the certificate, or have the host use another one",
    ),
    (
        r"certificate_verify_failed",
        "The certificate of {host} cannot be verified: {reason}",
        "Set ansible_winrm_ca_trust_path to the authority that issued it, or have the host use another one",
    ),
)


def codes_of(fault: WSManFaultError) -> set[int | None]:
    """The Windows error numbers of a fault, where it has some."""
    return {fault.wsman_fault_code, fault.wmierror_code}


def of_fault(host: str, fault: WSManFaultError) -> PushOpsError:
    """The host answered a request with a fault."""
    return _of_codes(host, codes_of(fault)) or Refused(
        f"{host} refused the WinRM request: {' '.join(fault.reason.split())}", "Look at the WinRM service's event log"
    )


def of_connection(host: str, reason: str) -> PushOpsError:
    """No session: ``reason`` is what Ansible's connection or one of its libraries says."""
    found = _FAULT_CODE.search(reason)
    known = _of_codes(host, {int(found[1])}) if found else None
    if known:
        return known
    for pattern, what, remedy in _NAMED:
        if re.search(pattern, reason.lower()):
            return Unreachable(what.format(host=host, reason=reason), remedy.format())
    return Unreachable(
        f"{host} does not answer over WinRM: {reason}",
        "Check ansible_host, ansible_port, ansible_winrm_scheme, ansible_winrm_transport, the listener"
        " (winrm enumerate winrm/config/listener), the firewall, and that no web proxy stands between"
        " (ansible_winrm_proxy)",
    )


def of_unconfirmed_write(host: str, reason: str) -> PushOpsError:
    """The session ended while a write was on its way or running."""
    return Unreachable(
        f"{host} did not confirm a write, which may have been made: {reason}",
        "Run again: the next run reads first what this one has done",
    )


def _of_codes(host: str, codes: set[int | None]) -> PushOpsError | None:
    if SHELL_NOT_FOUND in codes:
        return Unreachable(
            f"{host} ends its WinRM shells while they are in use",
            "Look at the WinRM service's event log, and run again",
        )
    if codes & QUOTAS:
        return Refused(
            f"A WinRM quota of {host} is used up",
            "Wait until open shells end, or raise MaxShellsPerUser and MaxProcessesPerShell in winrm/config/winrs",
        )
    if ACCESS_DENIED in codes:
        return Refused(
            f"{host} denied access to its WinRM shell",
            "Connect as a member of its Administrators or Remote Management Users group",
        )
    return None
