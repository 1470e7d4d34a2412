"""Ratios and sizes, in pixels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.emulator.sizes import AT_1K, HALVES, nearest_ratio, pixels


def test_the_table_has_geminis_fourteen_ratios_in_multiples_of_sixteen():
    """Each ratio's pixels have about its shape and about a megapixel."""
    assert len(AT_1K) == 14
    for ratio, (width, height) in AT_1K.items():
        across, down = map(int, ratio.split(":"))
        assert width / height == pytest.approx(across / down, rel=0.03)
        assert width % 16 == height % 16 == 0
        assert 0.9e6 < width * height < 1.2e6


@pytest.mark.parametrize("ratio", AT_1K)
@pytest.mark.parametrize(("size", "factor"), [("512", 0.5), ("1K", 1), ("2K", 2), ("4K", 4)])
def test_other_sizes_are_the_1k_size_scaled(ratio, size, factor):
    """512 is half, 2K twice, 4K four times as wide and high."""
    width, height = AT_1K[ratio]
    assert pixels(ratio, size) == (width * factor, height * factor)


@pytest.mark.parametrize("ratio", AT_1K)
def test_a_pictures_own_pixels_lead_back_to_its_ratio(ratio):
    """At every size the nearest ratio of an answer is the one that was asked for."""
    assert {nearest_ratio(*pixels(ratio, size)) for size in HALVES} == {ratio}


def shape(ratio):
    across, down = ratio.split(":")
    return int(across) / int(down)


@settings(deadline=None)
@given(first=st.tuples(*[st.integers(1, 1 << 20)] * 2), second=st.tuples(*[st.integers(1, 1 << 20)] * 2))
def test_a_wider_picture_never_gets_a_narrower_ratio(first, second):
    """Any shape has a ratio, beyond the table too, and ratios follow shapes."""
    narrow, wide = sorted((first, second), key=lambda size: size[0] / size[1])
    assert shape(nearest_ratio(*narrow)) <= shape(nearest_ratio(*wide))


@pytest.mark.parametrize("ratio", AT_1K)
def test_a_1k_png_has_its_pixels_and_stays_small(api, ask, ratio):
    """The promised size, in less than 150 kB."""
    answer = api.generate(ask("A skull made of pancakes, with blueberries", size="1K", aspectRatio=ratio))
    ((mime_type, data),) = answer.pictures
    assert mime_type == "image/png"
    assert answer.picture().size == AT_1K[ratio]
    assert len(data) < 150_000


@pytest.mark.parametrize(("size", "tokens"), [("512", 747), ("1K", 1120), ("2K", 1680), ("4K", 2520)])
def test_size_decides_pixels_and_price(api, ask, size, tokens):
    """Every size of sketch-1, with the tokens it costs."""
    answer = api.generate(ask(size=size, aspectRatio="21:9"))
    assert answer.picture().size == pixels("21:9", size)
    assert answer.json["usageMetadata"]["candidatesTokensDetails"][1]["tokenCount"] == tokens


def test_without_size_and_ratio_it_is_a_square_of_1k(api):
    """The defaults: 1K, 1:1."""
    assert api.generate({"contents": [{"parts": [{"text": "A kitten."}]}]}).picture().size == (1024, 1024)
