# Copyright: (c) 2026, the pushops.securemail contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP 1.1 as EWS speaks it: reading a request, building answers, response messages and faults."""

from __future__ import annotations

import dataclasses
import typing as t
import xml.etree.ElementTree as ET

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
CONTENT_TYPE = "text/xml; charset=utf-8"

for _prefix, _namespace in {"s": SOAP, "m": MESSAGES, "t": TYPES, "e": ERRORS}.items():
    ET.register_namespace(_prefix, _namespace)

Child = ET.Element | str | None


class SoapFault(Exception):
    """The request as a whole cannot be served; the code is one of EWS's response codes."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class EwsError(Exception):
    """One operation fails; the code is one of EWS's response codes."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclasses.dataclass(frozen=True)
class ServerVersion:
    """The product version of a host: 15.2.986.5 is Exchange 2019."""

    major: int
    minor: int
    build: int
    revision: int

    @property
    def schema(self) -> str:
        """The name of the newest request schema that the host knows."""
        return "V2018_01_08" if self.minor >= 2 else "V2017_07_11"

    def header(self) -> ET.Element:
        return types(
            "ServerVersionInfo",
            MajorVersion=str(self.major),
            MinorVersion=str(self.minor),
            MajorBuildNumber=str(self.build),
            MinorBuildNumber=str(self.revision),
            Version=self.schema,
        )


def messages(name: str, *children: Child, **attributes: str) -> ET.Element:
    """An element of the messages namespace; text children become its text, none are left out."""
    return _element(MESSAGES, name, children, attributes)


def types(name: str, *children: Child, **attributes: str) -> ET.Element:
    """An element of the types namespace, as ``messages``."""
    return _element(TYPES, name, children, attributes)


def _element(namespace: str, name: str, children: t.Iterable[Child], attributes: dict[str, str]) -> ET.Element:
    element = ET.Element(f"{{{namespace}}}{name}", attributes)
    for child in children:
        if isinstance(child, str):
            element.text = child
        elif child is not None:
            element.append(child)
    return element


def local_name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def parse(content: bytes) -> ET.Element:
    """The operation's element: the first child of the body.

    :raises SoapFault: not XML, XML with a document type, or no envelope with a body.
    """
    try:
        root: ET.Element = fromstring(content, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise SoapFault("ErrorSchemaValidation", f"The request failed schema validation: {error}") from None
    body = root.find(f"{{{SOAP}}}Body") if root.tag == f"{{{SOAP}}}Envelope" else None
    if body is None or not len(body):
        raise SoapFault("ErrorSchemaValidation", "The request failed schema validation: no operation in a SOAP body")
    return body[0]


def envelope(body: ET.Element, header: ET.Element) -> bytes:
    root = _element(
        SOAP, "Envelope", (_element(SOAP, "Header", (header,), {}), _element(SOAP, "Body", (body,), {})), {}
    )
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def response(operation: str, *results: ET.Element) -> ET.Element:
    return messages(f"{operation}Response", messages("ResponseMessages", *results))


def success(operation: str, *children: Child) -> ET.Element:
    code = messages("ResponseCode", "NoError")
    return messages(f"{operation}ResponseMessage", code, *children, ResponseClass="Success")


def failure(operation: str, error: EwsError) -> ET.Element:
    return messages(
        f"{operation}ResponseMessage",
        messages("MessageText", error.text),
        messages("ResponseCode", error.code),
        messages("DescriptiveLinkKey", "0"),
        ResponseClass="Error",
    )


def fault(error: SoapFault) -> ET.Element:
    """``s:Fault`` with the code in ``faultcode`` and in ``detail``, as EWS repeats it."""
    element = _element(SOAP, "Fault", (), {})
    code = ET.SubElement(element, "faultcode")
    code.text = f"t:{error.code}"  # a QName; the prefix is declared for the header
    text = ET.SubElement(element, "faultstring", {"{http://www.w3.org/XML/1998/namespace}lang": "en-US"})
    text.text = error.text
    detail = ET.SubElement(element, "detail")
    detail.append(_element(ERRORS, "ResponseCode", (error.code,), {}))
    detail.append(_element(ERRORS, "Message", (error.text,), {}))
    return element
