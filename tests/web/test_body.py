from __future__ import annotations

import pytest

from resguardo.errors import Invalid
from resguardo.web.body import parse_object

DEEP = '{"a":' * 10_000 + "1" + "}" * 10_000


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"id": "b1", ', "línea 1, columna 14"),
        (b'{"id": "b1",\n "x": }', "línea 2, columna 7"),
        (b"", "línea 1, columna 1"),
        (b"[]", "objeto JSON"),
        (b'"texto"', "objeto JSON"),
        (b"null", "objeto JSON"),
        (DEEP.encode(), "línea 1, columna"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "línea 1, columna"),
        (b'{"a": "NaN",\n "b": NaN}', "NaN no es JSON: línea 2, columna 7"),
        (b'{"b": -Infinity}', "columna 7"),
        (b'{"id": "a", "id": "b"}', "«id» está dos veces"),
        (b'{"metadata": {"priority": "alta", "priority": "baja"}}', "«priority» está dos veces"),
        (b'{"id": "\xff"}', "byte 9"),
        (b'{"id": "\\ud800"}', "mitad de un carácter"),
    ],
)
def test_bad_json_is_refused_with_its_place(body: bytes, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_object(body)
    assert place in str(refused.value)


def test_good_json_is_taken_as_it_is() -> None:
    assert parse_object('\ufeff{"a": "\\ud83d\\ude00 é", "b": [1, null]}'.encode()) == {"a": "😀 é", "b": [1, None]}
