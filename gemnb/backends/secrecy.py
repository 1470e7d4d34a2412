"""Takes a key out of what a service says, in whatever way it is written down there. Pure.

A gateway may echo the headers it was sent, in an error or beside a good picture; what is kept of that is committed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gemnb.backends.base import Secret

SHORTEST = 8
"""A header's value of fewer characters is a word like any other, and not looked for in answers: NIST SP 800-63B asks
for eight in a password."""

_NAME = "[key]"
_LONG = 64 * 1024  # characters of a string that is taken for the bytes of a picture, where nothing speaks against it
_NO_BASE64 = (b"\\", b"%", b"&", b" ", b":")
_SCHEME = re.compile(r"(?i:basic|bearer|token|api-?key|key) +(\S{8,})")  # credentials (RFC 9110, §11.4)
_DEPTH = 3  # escapes in escapes in escapes
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _escaped(found: re.Match[str]) -> str:
    return chr(int(found[1] or found[2], 16)) if found[1] or found[2] else found[3]


def _entity(found: re.Match[str]) -> str:
    if found[3]:
        return _ENTITIES[found[3]]
    return chr(min(int(found[1]) if found[1] else int(found[2], 16), 0x10FFFF))


_Way = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]  # what an escape looks like, and what it means

# JSON and repr, URLs, their queries, HTML; and where a line was broken or a tag put in, which is looked past last.
_GAP: _Way = (re.compile(r"\s+|<[^<>]{1,80}>", re.ASCII), lambda _found: "")
_WAYS: tuple[_Way, ...] = (
    (re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([^\w]))", re.ASCII), _escaped),
    (re.compile(r"\\[nrt]"), lambda _found: " "),
    (re.compile(r"%([0-9a-fA-F]{2})"), lambda found: chr(int(found[1], 16))),
    (re.compile(r"\+"), lambda _found: " "),
    (re.compile(r"&(?:#0{0,5}(\d{1,6})|#[xX]0{0,5}([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));"), _entity),
)


class Secrets:
    """The key and the header values of a backend, and all the forms in which they could come back.

    Those are: as they are, escaped as in JSON, in a repr, in a URL or in HTML (any character of it, several times
    over), and in base64.
    """

    __slots__ = ("_forms", "_needles", "_short", "_unbroken")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        """Prepare the forms.

        Args:
            secrets: Printable ASCII, as headers can hold it.
        """
        known = sorted({word for secret in secrets if (word := _word(secret.reveal()))}, key=len, reverse=True)
        long = [word for word in known if len(word) >= SHORTEST]
        self._short = known[len(long) :]
        self._needles = [word.encode() for word in long]
        self._forms = list(dict.fromkeys([*long, *(form for word in long for form in _base64(word))]))
        unbroken = (_GAP[0].sub("", form) for form in self._forms)
        self._unbroken = [form for form in unbroken if len(form) >= SHORTEST]

    def __repr__(self) -> str:
        return "[keys]"

    def __reduce__(self) -> NoReturn:
        msg = "a key is not pickled"
        raise TypeError(msg)

    def hide(self, text: str) -> str:
        """Return the text with `[key]` for every secret, short ones too."""
        text = self._cleared(text)
        for word in self._short:
            text = text.replace(word, _NAME)
        return text

    def blank(self, body: bytes) -> bytes:
        """Return the body of an answer with `[key]` for every secret; the same object where there is none.

        A long string of base64, which is a picture, is looked through for the secret as it is alone, and zeros of
        the same length take its place there: what a picture's own bytes say is not read.
        """
        stretches = list(_stretches(body))
        made = [self._zeroed(body, *at) if long else self._without(body[slice(*at)]) for *at, long in stretches]
        if all(part is None for part in made):
            return body
        pairs = zip(made, stretches, strict=True)
        return b"".join(body[start:end] if part is None else part for part, (start, end, _) in pairs)

    def _without(self, data: bytes) -> bytes | None:
        text = data.decode("latin-1")  # secrets are ASCII, whatever the rest is
        made = self._cleared(text)
        return None if made == text else made.encode("latin-1")

    def _cleared(self, text: str) -> str:
        """Return a text with `[key]` for each form, however escaped."""
        for ways, read in _readings(text):
            for form in self._unbroken if ways[-1:] == (_GAP,) else self._forms:
                if form in read:  # each cut makes the text shorter, so this comes to an end
                    return self._cleared(_cut(text, ways, form))
        return text

    def _zeroed(self, body: bytes, start: int, end: int) -> bytes | None:
        found = [needle for needle in self._needles if body.find(needle, start, end) >= 0]
        if not found:
            return None
        made = body[start:end]
        for needle in found:
            made = made.replace(needle, b"A" * len(needle))
        return made


def _word(value: str) -> str:
    """Return what of a header's value is secret: credentials without their scheme, which a service may leave away."""
    scheme = _SCHEME.fullmatch(value)
    return scheme[1] if scheme else value


def _base64(word: str) -> Iterator[str]:
    """Yield the base64 of a word alone, and what of it is seen wherever it stands in a longer text."""
    data = word.encode()
    for encoded in (base64.b64encode, base64.urlsafe_b64encode):
        yield encoded(data).decode().rstrip("=")
        for before in range(3):
            # Characters that hold bits of a neighbour too are left out.
            whole = encoded(b"\0" * before + data).decode()
            yield whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def _readings(text: str) -> Iterator[tuple[tuple[_Way, ...], str]]:
    """Yield what a text says when escapes in it are undone, with the ways it was read, in order."""
    seen = {text}
    level: list[tuple[tuple[_Way, ...], str]] = [((), text)]
    for depth in range(_DEPTH + 1):
        following: list[tuple[tuple[_Way, ...], str]] = []
        for ways, read in level:
            yield ways, read
            yield (*ways, _GAP), _GAP[0].sub("", read)
            for way in _WAYS if depth < _DEPTH else ():
                further = way[0].sub(way[1], read)
                if further not in seen:
                    seen.add(further)
                    following.append(((*ways, way), further))
        level = following


def _cut(text: str, ways: tuple[_Way, ...], form: str) -> str:
    """Return the text with `[key]` for what reads as a form in these ways."""
    read, starts, ends = text, list(range(len(text))), list(range(1, len(text) + 1))
    for pattern, meaning in ways:
        pieces, new_starts, new_ends, done = [], [], [], 0
        for found in pattern.finditer(read):
            said, plain = meaning(found), slice(done, found.start())
            pieces += [read[plain], said]
            new_starts += starts[plain] + [starts[found.start()]] * len(said)
            new_ends += ends[plain] + [ends[found.end() - 1]] * len(said)
            done = found.end()
        read = "".join([*pieces, read[done:]])
        starts, ends = new_starts + starts[done:], new_ends + ends[done:]
    made, done, at = [], 0, read.find(form)
    while at >= 0:
        made += [text[done : starts[at]], _NAME]
        done = ends[at + len(form) - 1]
        at = read.find(form, at + len(form))
    return "".join([*made, text[done:]])


def _stretches(body: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of the stretches of a body, and whether each is one long string of base64."""
    done = at = 0
    while at < len(body):
        # From the last quote of a piece of that length to the next one: no long string is passed over so.
        start = max(body.rfind(b'"', at, at + _LONG) + 1, at)
        end = body.find(b'"', start)
        end = len(body) if end < 0 else end
        if end - start >= _LONG and not any(body.find(sign, start, end) >= 0 for sign in _NO_BASE64):
            yield done, start, False
            yield start, end, True
            done = end
        at = end + 1
    yield done, len(body), False
