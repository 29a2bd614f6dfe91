"""What a request carries, read strictly: every refusal names the place, and nothing has been changed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from flask import request

from resguardo.errors import Invalid

LARGEST: Final = 16 * 1024 * 1024
DEEPEST: Final = 100

_TOKEN: Final = re.compile(r'"(?:\\.|[^"\\])*"|[\[\]{}]|NaN|-?Infinity', re.DOTALL)
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


def read_object() -> dict[str, Any]:
    """The JSON object in the request's body. Raises `Invalid`; more than 16 MB end in 413."""
    request.max_content_length = LARGEST
    return parse_object(request.get_data())


def parse_object(body: bytes) -> dict[str, Any]:
    """JSON as RFC 8259 has it: no NaN, no key twice, no half characters. Raises `Invalid`."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("El contenido no es UTF-8: byte {place}.", place=error.start + 1) from error
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Invalid(
            "El contenido no es JSON válido: línea {line}, columna {column} ({why}).",
            line=error.lineno,
            column=error.colno,
            why=error.msg,
        ) from error
    except RecursionError as error:
        raise Invalid("El JSON anida demasiado: {place}.", place=_deep_place(text)) from error
    except _Constant as error:
        raise Invalid("{name} no es JSON: {place}.", name=str(error), place=_constant_place(text)) from error
    if not isinstance(value, dict):
        raise Invalid("El contenido tiene que ser un objeto JSON: no empieza con «{brace}».", brace="{")
    _refuse_halves(text, value)
    return value


def text_field(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Invalid("Falta «{name}», o no es texto.", name=name)
    return value


def names_field(fields: Mapping[str, Any], name: str, most: int = 10_000) -> list[str]:
    """A list of texts, each once. Raises `Invalid`, naming the element."""
    values = fields.get(name)
    if not isinstance(values, list) or not values:
        raise Invalid("Falta «{name}», o no es una lista con al menos un elemento.", name=name)
    if len(values) > most:
        raise Invalid("«{name}» tiene {count} elementos; el máximo es {most}.", name=name, count=len(values), most=most)
    wrong = next((at for at, value in enumerate(values, 1) if not isinstance(value, str) or not value.strip()), None)
    if wrong is not None:
        raise Invalid("«{name}», elemento {number}: está vacío o no es texto.", name=name, number=wrong)
    return list(dict.fromkeys(values))


def whole_number(name: str, default: int, most: int) -> int:
    """A number in the address, from 1. Raises `Invalid`."""
    text = request.args.get(name, "")
    if not text:
        return default
    if re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= most:
        return int(text)
    raise Invalid("«{name}» tiene que ser un número de 1 a {most}.", name=name, most=most)


class _Constant(ValueError):
    """NaN or an infinity."""


def _refuse_constant(name: str) -> Any:
    raise _Constant(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Invalid("La clave «{name}» está dos veces en el mismo objeto.", name=name[:60])
        found[name] = value
    return found


def _refuse_halves(text: str, value: Any) -> None:
    if not _HALF.search(text):
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Invalid("El contenido tiene la mitad de un carácter (\\uD800 a \\uDFFF).") from error


def _deep_place(text: str) -> str:
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > DEEPEST:
            return _place(text, token.start())
    return _place(text, len(text))


def _constant_place(text: str) -> str:
    found = (token.start() for token in _TOKEN.finditer(text) if token[0].endswith(("NaN", "Infinity")))
    return _place(text, next(found, 0))


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"línea {line}, columna {at - text.rfind(chr(10), 0, at)}"
