"""A mask shows how a value is written, and nothing of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.masks import MASK_CHARACTERS_MAX, masked

from .blocks import hostile_text


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("bob.smith@example.de", "aaa.aaaaa@aaaaaaa.aa"),
        ("31/12/2024 23:59", "99/99/9999 99:99"),
        (" Bob", " Aaa"),
        ("Größe\t1", "Aaaaaa9"),
        ("", "(blank)"),
        ("x" * 40, "a" * 40),
        ("x" * 41, "a" * 37 + "..."),
    ],
)
def test_a_mask_keeps_the_form_of_a_value(value, shape):
    assert masked(value) == shape


@given(value=st.one_of(st.text(min_size=1), hostile_text.filter(bool)))
def test_a_mask_holds_no_letter_and_no_digit_of_the_value(value):
    shape = masked(value)

    assert {c for c in shape if c.isalnum()} <= {"a", "A", "9"}
    assert shape.isascii()
    assert shape.isprintable()
    assert len(shape) <= MASK_CHARACTERS_MAX
