"""What is carried, as text: for the store and for ADA."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from gateway.blocks.values import Origin
from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version, types
from gateway.codecs.fhir.kinds import check_kinds
from gateway.codecs.limits import Limits

Mask = Any
Unwanted = Callable[[dict[str, Any]], bool]

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(tuple[Any, Any], float_hook=Decimal).decode
_origin = msgspec.json.Decoder(Origin).decode
_VERSIONS: Final[dict[str, Version]] = {"fhir-r4": "r4", "fhir-stu3": "stu3"}


def pack(elements: Any, mask: Mask) -> str:
    """The text that `unpack` reads; decimals keep their digits."""
    return _encode([elements, mask]).decode()


def unpack(rest: str) -> tuple[Any, Mask]:
    """Elements and mask.  Raises `msgspec.DecodeError` for what is no pair in JSON."""
    return _decode(rest)


def without(rest: str, unwanted: Unwanted) -> str:
    """The rest without any element that may not go out, carried or not."""
    if not rest:
        return rest
    elements, mask = unpack(rest)
    left = _without(elements, mask, unwanted)
    return pack(*left) if left is not None and left[1] else ""


def to_ada(origin: Origin) -> str:
    """The text of an origin inside `adaextension`."""
    return _encode(msgspec.structs.replace(origin, at=-1, also=())).decode()


def from_ada(text: str, at: int, limits: Limits) -> Origin:
    """The origin that `to_ada` wrote.  Raises `ValueError` or `SyntaxFault` for what cannot be one."""
    origin = msgspec.structs.replace(_origin(text), at=at)
    version = _VERSIONS.get(origin.format)
    if version is None:
        raise ValueError("no format that carries anything")
    if origin.rest:
        elements, mask = unpack(origin.rest)
        tree = fhir_json.decode(_encode(elements), version, limits)
        check_kinds(tree, types(version))
        _check_mask(tree, mask)
    return origin


def _check_mask(element: Any, mask: Mask) -> None:
    """Raise `ValueError` for a mask that is not of the element."""
    if mask is True or mask is None:
        return
    if isinstance(mask, dict) and isinstance(element, dict) and mask.keys() <= element.keys():
        for name, inner in mask.items():
            _check_mask(element[name], inner)
    elif isinstance(mask, list) and isinstance(element, list) and len(mask) == len(element):
        for each, inner in zip(element, mask, strict=True):
            _check_mask(each, inner)
    else:
        raise ValueError("a mask that is not of its elements")


def _without(element: Any, mask: Mask, unwanted: Unwanted) -> tuple[Any, Mask] | None:
    """An element without what is unwanted, and its mask; None when nothing is left."""
    if isinstance(element, list):
        masks = mask if isinstance(mask, list) else [mask] * len(element)
        pairs = (_without(each, inner, unwanted) for each, inner in zip(element, masks, strict=True))
        left = [pair for pair in pairs if pair is not None]
        items = [each for each, _ in left]
        return (items, [each for _, each in left] if isinstance(mask, list) else mask) if left else None
    if not isinstance(element, dict):
        return element, mask
    if unwanted(element):
        return None
    whole = not isinstance(mask, dict)
    found = {
        name: pair
        for name, each in element.items()
        if (pair := _without(each, mask if whole else mask.get(name), unwanted)) is not None
    }
    members = {name: each for name, (each, _) in found.items()}
    kept = mask if whole else {name: each for name, (_, each) in found.items() if each}
    return (members, kept) if members and (kept or mask is None) else None
