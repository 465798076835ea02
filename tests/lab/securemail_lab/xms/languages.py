# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of policies in the language of the server; names, types and values are the same in every one.

A package carries its words in each language (``strings-<lang>.properties``, LanguageFile entries of MDX strings). The
German ones here are the lab's own.
"""

from __future__ import annotations

import typing as t

_GERMAN = {
    "Push notifications": "Pushbenachrichtigungen",
    "Push notifications region": "Region für Pushbenachrichtigungen",
    "Push notifications customer ID": "Kunden-ID für Pushbenachrichtigungen",
    "Push Notifications EWS HostName": "EWS-Hostname für Pushbenachrichtigungen",
    "Push notifications GCM project number": "GCM-Projektnummer für Pushbenachrichtigungen",
    "Network access": "Netzwerkzugriff",
    "Background network services": "Netzwerkdienste im Hintergrund",
    "Background services ticket expiration": "Ablauf des Tickets für Hintergrunddienste",
    "Background network service gateway": "Gateway für Netzwerkdienste im Hintergrund",
    "Secure Mail Exchange Server": "Exchange Server für Secure Mail",
    "Control locked screen notifications": "Benachrichtigungen bei gesperrtem Bildschirm",
    "Maximum offline period (hours)": "Maximale Offlinedauer (Stunden)",
    "Block jailbroken or rooted": "Geräte mit Jailbreak oder Root sperren",
    "Application Settings": "Anwendungseinstellungen",
    "Network Access": "Netzwerkzugriff",
    "Authentication": "Authentifizierung",
    "Device Security": "Gerätesicherheit",
    "hours": "Stunden",
}
_WORDS: dict[str, dict[str, str]] = {"en": {}, "de": _GERMAN}


def translated(text: t.Any, language: str) -> t.Any:
    """A text in a language; as it is where the language has no word for it.

    :raises KeyError: a language that the lab does not speak.
    """
    return _WORDS[language].get(text, text)
