"""What is applied arrives as it was meant, whichever of JSON and YAML the API server reads it as."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pba_operator.kube.body import encoded

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    "text",
    [
        "an emoji 💥",
        "a\u2028b\u0085c",
        "\x7f\x80\ufeff\ufffe\uffff",
        "a\0b\n\r\t\x1b",
        "\\ud83d\\udca5",
        "'\"#: {}[]&*!|>%@`",
        "鍵 ключ",
    ],
)
def test_a_text_is_the_same_in_json_and_in_yaml(text: str) -> None:
    body = encoded({"text": text})
    assert json.loads(body) == {"text": text}
    assert yaml.safe_load(body) == {"text": text}


@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans() | st.none(), max_size=4))
def test_any_object_is_the_same_in_json_and_in_yaml(value: dict[str, object]) -> None:
    body = encoded(value)
    assert json.loads(body) == value
    assert yaml.safe_load(body) == value
