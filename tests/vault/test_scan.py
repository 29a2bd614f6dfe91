"""The values of a JSON text are found where they are, and what is not JSON is never taken for it."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.vault import scan
from resguardo.vault.scan import Malformed, Text, TooLong

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
LAYOUTS = st.sampled_from([None, 0, 2])


@pytest.fixture(params=[1, 7, scan.CHUNK])
def chunk(request, monkeypatch):
    """However the file is cut into chunks, the answer is the same."""
    monkeypatch.setattr(scan, "CHUNK", request.param)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("ascii_only", [True, False])
def test_elements_and_their_places(ascii_only):
    @given(st.lists(VALUES, max_size=5), LAYOUTS)
    def check(values, indent):
        content = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
        found = list(Text(io.BytesIO(content)).elements())
        assert [json.loads(value) for _, value in found] == values
        assert all(content[at : at + len(value)] == value for at, value in found)

    check()


@pytest.mark.usefixtures("chunk")
def test_members():
    content = json.dumps({"a\\": "}]", '"': ["\\"], "": 5, "é": {"x": "\n"}}, indent=2).encode()
    text = Text(io.BytesIO(content))
    assert {name: json.loads(text.value()) for name in text.members()} == json.loads(content)
    assert text.peek() == b""


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize(
    ("content", "at"),
    [(b"", 0), (b"[1", 2), (b"[1,]", 3), (b"[1 2]", 3), (b'["a', 3), (b'["a\\', 4), (b"[[}]", 2), (b"[,1]", 1)],
)
def test_what_is_no_list_is_refused_with_its_place(content, at):
    with pytest.raises(Malformed) as caught:
        list(Text(io.BytesIO(content)).elements())
    assert caught.value.offset == at


def test_depth_and_length_have_limits(monkeypatch):
    assert list(Text(io.BytesIO(b"[" + b"[" * 100 + b"]" * 101)).elements())
    with pytest.raises(Malformed, match="niveles"):
        list(Text(io.BytesIO(b"[" + b"[" * 101 + b"]" * 102)).elements())
    monkeypatch.setattr(scan, "LONGEST", 1000)
    with pytest.raises(TooLong):
        list(Text(io.BytesIO(b'["' + b"x" * scan.CHUNK * 3 + b'"]')).elements())


def test_a_long_string_full_of_escapes_takes_linear_time_and_no_stack():
    content = b'["' + rb"\n" * 4_000_000 + b'"]'
    assert sum(len(value) for _, value in Text(io.BytesIO(content)).elements()) == len(content) - 2


def test_lines_count_from_one():
    text = Text(io.BytesIO(b"[\n1,\n2]"))
    assert [text.line(at) for at in (0, 2, 5)] == [1, 2, 3]
