"""SOAP as the simulated tools speak it: one operation in, one envelope out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from syncer.simulator.tools.call import NativeReply

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_HEADERS: dict[str, str | list[str]] = {"content-type": "text/xml; charset=utf-8"}

#: A tree in short: tag -> text, a tree, or a list of trees; None is an empty element.
Tree = Mapping[str, Any]


def operation(body: object) -> ElementTree.Element | None:
    """Parse the one element of a body; None where it is not XML."""
    try:
        return ElementTree.fromstring(str(body).strip("\ufeff \t\r\n"))
    except ElementTree.ParseError:
        return None


def local_name(element: ElementTree.Element) -> str:
    """Strip the namespace off a name."""
    return element.tag.rpartition("}")[2]


def text(element: ElementTree.Element, name: str) -> str:
    """Read the text of the first element of that name, whatever its namespace; empty where there is none."""
    return next((each.text or "" for each in element.iter() if local_name(each) == name), "").strip()


def number(element: ElementTree.Element, name: str, default: int) -> int:
    """Read the number in the first element of that name; the default where it is none."""
    said = text(element, name)
    return int(said) if said.isdecimal() else default


def answer(name: str, namespace: str, tree: Tree) -> NativeReply:
    """Wrap an element of that name into an envelope."""
    element = ElementTree.Element(name, {"xmlns": namespace})
    _fill(element, tree)
    return NativeReply(200, _enveloped(element), _HEADERS)


def fault(code: str, reason: str) -> NativeReply:
    """Write a fault of SOAP 1.1, with status 500."""
    element = ElementTree.Element("soap:Fault")
    _fill(element, {"faultcode": code, "faultstring": reason})
    return NativeReply(500, _enveloped(element), _HEADERS)


def _fill(element: ElementTree.Element, tree: Tree) -> None:
    for tag, value in tree.items():
        for each in value if isinstance(value, list) else [value]:
            child = ElementTree.SubElement(element, tag)
            if isinstance(each, str):
                child.text = each
            elif each is not None:
                _fill(child, each)


def _enveloped(element: ElementTree.Element) -> str:
    envelope = ElementTree.Element("soap:Envelope", {"xmlns:soap": _ENVELOPE})
    ElementTree.SubElement(envelope, "soap:Body").append(element)
    return '<?xml version="1.0" encoding="utf-8"?>' + ElementTree.tostring(envelope, encoding="unicode")
