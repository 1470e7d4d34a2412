"""The pictures: type that fits, letters that exist, files that stay small."""

import hashlib
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from gemnb.emulator.posters import FAMILIES, Poster, encode, press
from gemnb.emulator.posters.chance import Chance
from gemnb.emulator.posters.draw import footer
from gemnb.emulator.posters.layout import lay_out
from gemnb.emulator.posters.lettering import Block, face, headline, length
from gemnb.emulator.posters.letters import LENGTH, LETTERS, WORDS, bare, printable, title
from gemnb.emulator.posters.palettes import PALETTES, luminance
from gemnb.emulator.posters.press import print_sheet
from gemnb.emulator.posters.sheet import Mark, Sheet, box
from gemnb.emulator.sizes import AT_1K, HALVES, pixels

PROMPTS = (
    "A kitten.",
    "A skull made of pancakes, with blueberries and maple syrup",
    "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
    "W" * 400,
    "i " * 200,
    '{"name": "Ada", "occupation": "hacker"}',
    "",
)


def poster(number, size=(512, 512), **fields):
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return Poster(**{"digest": digest, "model": "sketch-1", "prompt": "A kitten.", "size": size} | fields)


def rectangle(block, at):
    return at[0], at[1], at[0] + block.width, at[1] + block.height


def apart(one, other):
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@settings(max_examples=150, deadline=None)
@given(
    prompt=st.text(max_size=300) | st.sampled_from(PROMPTS),
    ratio=st.sampled_from(list(AT_1K)),
    size=st.sampled_from(list(HALVES)),
    seed=st.binary(max_size=4),
)
@example(prompt=PROMPTS[3], ratio="1:8", size="512", seed=b"")
@example(prompt=PROMPTS[3], ratio="8:1", size="512", seed=b"")
@example(prompt=PROMPTS[1], ratio="1:8", size="4K", seed=b"")
def test_title_footer_and_art_never_meet_nor_leave_the_sheet(prompt, ratio, size, seed):
    """At every ratio and size, whatever the prompt, each has its own place on the sheet."""
    width, height = pixels(ratio, size)
    parts = footer(poster(0, model="sketch-pro-1"))
    plan = lay_out(Chance(seed), (width, height), title(prompt), parts)
    head, foot = rectangle(plan.title, plan.title_at), rectangle(plan.footer, plan.footer_at)
    for left, top, right, bottom in (head, foot, plan.art):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    assert apart(head, foot)
    assert apart(head, plan.art)
    assert apart(foot, plan.art)
    assert (plan.art.right - plan.art.left) * (plan.art.bottom - plan.art.top) > 0.4 * width * height
    assert " \u00b7 ".join(plan.footer.lines) == " \u00b7 ".join(parts)
    assert plan.footer.size >= 9


@pytest.mark.parametrize("prompt", PROMPTS)
def test_no_line_is_longer_than_its_room(prompt):
    """Lines are measured as they are drawn, at large sizes and at the smallest."""
    for room in ((172, 60), (300, 200), (900, 240)):
        block = headline(title(prompt), room, 100, 12)
        assert block.width <= room[0]
        assert block.height <= room[1]
        picture = Image.new("L", (room[0] + 100, room[1] + 200))
        block.draw(ImageDraw.Draw(picture), (0, 50), 255, 0)
        assert picture.getbbox()[2] <= room[0] + 2


@settings(deadline=None)
@given(st.text())
def test_no_letter_is_an_empty_box(text):
    """Whatever the prompt, only letters that the face has are set, and accents that can be drawn."""
    shown = printable(text)
    assert set(bare(shown)) <= LETTERS
    assert set(bare(title(text))) <= LETTERS


def test_the_face_has_the_letters_it_is_said_to_have():
    """None of them looks like the box that stands for a missing letter."""
    box = bytes(face(40).getmask("\uffff"))
    assert [letter for letter in LETTERS if bytes(face(40).getmask(letter)) == box] == []
    assert bytes(face(40).getmask("猫")) == box


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("A kitten.", "A kitten."),
        ("  a\n\tlighthouse   at dusk ", "a lighthouse at dusk"),
        ("🐈 in a hat 🎩", "in a hat"),
        ("猫", "Untitled"),
        ("", "Untitled"),
        ("...", "Untitled"),
        ("- Put a strawberry\n- Put a **blackberry**", "Put a strawberry Put a blackberry"),
        ("# Title\n1. `one`", "Title one"),
        ("Straße nach Łódź — 5 €", "Strasse nach Lo\u0301dz\u0301 - 5 EUR"),
        ("A skull, " * 20, "A skull, A skull, A skull, A skull, A skull, A skull, A skull, A skull\u2026"),
    ],
)
def test_titles_are_the_first_words_that_can_be_shown(prompt, shown):
    """Marks of Markdown, blanks, emoji and other scripts go; accents stay, apart from their letters."""
    assert title(prompt) == shown


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab c.é"), max_size=400))
def test_titles_are_short(prompt):
    """At most so many words and letters, and dots where something was left out."""
    found = title(prompt)
    assert len(found.split()) <= WORDS
    assert len(found) <= LENGTH + 1


def test_accents_are_drawn_over_their_letters():
    """A letter with its accent has more ink than without, above it, and is no wider."""
    pictures = []
    for word in ("ardido", "a\u0301rdi\u0301do"):
        picture = Image.new("L", (400, 120))
        Block(lines=(word,), size=80, leading=90).draw(ImageDraw.Draw(picture), (10, 10), 255, 0)
        pictures.append(picture)
    plain, accented = pictures
    assert length("a\u0301rdi\u0301do", 80) == length("ardido", 80)
    assert sum(accented.crop((0, 0, 60, 60)).tobytes()) > sum(plain.crop((0, 0, 60, 60)).tobytes())
    assert accented.getbbox()[2] == plain.getbbox()[2]


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.name)
def test_type_stands_out_from_its_ground(palette):
    """On each of its grounds a palette's type differs by far more than it needs to be read."""
    assert luminance(palette.paper) - luminance(palette.dark) > 150
    assert luminance(palette.inks[0]) - luminance(palette.dark) > 90


def test_every_family_and_every_palette_comes_up():
    """A few hundred digests meet all of them."""
    families, palettes = set(), set()
    for number in range(400):
        chance = Chance(bytes.fromhex(poster(number).digest))
        palettes.add(chance.pick(PALETTES).name)
        families.add(chance.pick(FAMILIES))
    assert families == set(FAMILIES)
    assert palettes == {palette.name for palette in PALETTES}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7.5), (7.5, 1)], ids=["square", "tall", "wide"])
def test_no_family_needs_more_inks_than_a_dot_can_tell_apart(family, shape):
    """Of a dot's eight bits three number the ink that covers, five stand for inks printed over."""
    for number in range(12):
        sheet = family(Chance(bytes([number])), *shape)
        covering = {mark.ink for mark in sheet.marks if not mark.over} - {None}
        over = {mark.ink for mark in sheet.marks if mark.over}
        assert max(covering, default=0) < 6
        assert len(over) <= 5
        assert len(covering) + len(over) >= 2


def test_inks_print_over_and_cover_as_they_should():
    """Thin ink mixes with what lies below it, in either order; covering ink hides it."""
    inks = ((255, 255, 0), (0, 255, 255), (10, 20, 30))
    left, right, middle = box(0, 0, 2, 1), box(1, 0, 2, 1), box(1.25, 0.25, 0.5, 0.5)
    marks = (
        Mark(shape=left, ink=0, over=True),
        Mark(shape=right, ink=1, over=True),
        Mark(shape=middle, ink=2),
    )
    sheet = Sheet(width=3, height=1, ground=None, marks=marks)
    picture = print_sheet(sheet, (30, 10), (255, 255, 255), inks)
    assert [picture.getpixel((x, 5)) for x in (3, 15, 27)] == [inks[0], inks[2], inks[1]]
    red, green, blue = picture.getpixel((11, 1))
    assert green == 255
    assert max(red, blue) == 0


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_print_is_the_same_in_one_strip_and_in_many(monkeypatch, family):
    """Large pictures are printed strip by strip, and no seam shows."""
    sheet = family(Chance(b"seam"), 1.0, 1.0)
    inks = (*PALETTES[0].inks, PALETTES[0].dark, PALETTES[0].paper)
    whole = print_sheet(sheet, (200, 200), (255, 255, 255), inks)
    monkeypatch.setattr(press, "STRIP_DOTS", 1 << 14)
    assert print_sheet(sheet, (200, 200), (255, 255, 255), inks).tobytes() == whole.tobytes()


@pytest.mark.parametrize("number", range(12))
def test_pictures_have_flat_colours_and_say_what_they_are(number):
    """A PNG has a palette, and its text chunk says that no model made it."""
    with Image.open(io.BytesIO(encode(poster(number), "image/png"))) as picture:
        assert picture.mode == "P"
        assert "no model made it" in picture.text["Comment"]


def test_a_jpeg_says_what_it_is_too():
    """The note is in the JPEG's comment."""
    with Image.open(io.BytesIO(encode(poster(1), "image/jpeg"))) as picture:
        assert b"no model made it" in picture.info["comment"]


def test_drafts_are_in_pencil():
    """A draft has the picture's lines in tints of one colour; the second draft is in another."""
    seen = [encode(poster(3, draft=number), "image/png") for number in range(3)]
    assert len(set(seen)) == 3
    with Image.open(io.BytesIO(seen[1])) as draft:
        assert all(blue >= red - 12 for _, (red, _, blue) in draft.convert("RGB").getcolors(1 << 20))


@pytest.mark.parametrize(("count", "ratio"), [(1, "1:1"), (14, "8:1")])
def test_even_noise_does_not_swell_a_picture(count, ratio):
    """Inputs that cannot be compressed are printed coarser, and the file stays below its limit."""
    noise = Image.frombytes("RGB", (200, 200), hashlib.shake_256(b"noise").digest(120_000))
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert len(encode(poster(5, AT_1K[ratio], inputs=(file.getvalue(),) * count), "image/png")) < 150_000


@settings(deadline=None)
@given(st.binary(max_size=8), st.integers(1, 40))
def test_chance_keeps_within_its_bounds(seed, count):
    """Numbers, picks and shuffles stay where they belong, and repeat."""
    chance, again = Chance(seed), Chance(seed)
    items = list(range(count))
    shuffled = chance.shuffled(items)
    assert sorted(shuffled) == items
    assert shuffled == again.shuffled(items)
    assert chance.pick(items) == again.pick(items)
    assert 3 <= chance.whole(3, 5) <= 5
    assert 0 <= chance.unit() < 1
