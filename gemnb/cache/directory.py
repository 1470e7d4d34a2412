"""A store of plain files, made to be committed and reviewed: temporary file, fsync, link; never overwritten."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from typing import TYPE_CHECKING

from gemnb.cache.store import check_key, is_key
from gemnb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_FILE = 1024 * 1024 * 1024
"""No blob is bigger than this many bytes; a bigger file is refused before it is read."""

# O_NONBLOCK: a FIFO somebody put there must not hang the kernel. O_NOFOLLOW: see `_checked`.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_ABSENT = (errno.ENOENT, errno.ENOTDIR)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class _Later(threading.local):
    """The folders this thread is to sync at the end of a transaction, in order; None outside of one."""

    folders: dict[Path, None] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return _Later, ()  # a store is pickled with the results that read from it


class DirectoryStore:
    """A store whose keys are paths below a folder; the folder is made on the first put.

    Args:
        root: The folder.
        ignore: What its .gitignore says, which is made with the first put; none where this is empty.
    """

    def __init__(self, root: Path, ignore: str = "") -> None:
        self.root = root
        self._ignore = ignore
        self._later = _Later()

    def __repr__(self) -> str:
        return f"DirectoryStore({str(self.root)!r})"

    def __str__(self) -> str:
        return str(self.root)

    def get(self, key: str) -> bytes | None:
        """Return the bytes of a regular file, or None where there is none.

        Raises:
            StoreError: The file cannot be read, is no regular file, or lies behind a symbolic link.
        """
        path = self._checked(key)
        try:
            number = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            failure = error
        else:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
                os.close(number)
                raise StoreError(f"{path} is no file that gemnb keeps.", why="It is no regular file.")
            with os.fdopen(number, "rb") as file:
                try:
                    return file.read()
                except OSError as error:
                    failure = error
        raise _failed("read", path, failure)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys below a prefix, sorted; foreign files are passed over.

        Raises:
            StoreError: A folder cannot be read, or lies behind a symbolic link.
        """
        prefix = prefix.removesuffix("/") + "/" if prefix else ""
        folder = self._checked(prefix.removesuffix("/")) if prefix else self.root
        try:
            entries = sorted(os.scandir(folder), key=_sorting)
        except OSError as error:
            if error.errno in _ABSENT:
                return
            failure = error
        else:
            for entry in entries:
                if not is_key(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self.keys(f"{prefix}{entry.name}/")
                else:
                    yield f"{prefix}{entry.name}"
            return
        raise _failed("list", folder, failure)

    def put(self, key: str, value: bytes) -> bool:
        """Write a file once; return False where it was there already.

        The bytes are on the disk, and the name durable, when this returns.

        Raises:
            StoreError: The folder cannot be written: read-only, full, missing rights, or a symbolic link on the way.
        """
        path = self._checked(key)
        temporary = path.parent / f".{path.name}.{os.urandom(6).hex()}.tmp"
        try:
            if path.exists():
                self._sync([path.parent])  # whoever named it may not have come to that yet
                return False
            around = self._make_folder(path.parent)
            self._tell_git()
            try:
                _write_durably(temporary, value)
                written = _name_once(temporary, path)
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink()
            self._sync([path.parent, *around])
        except OSError as error:
            failure = error
        else:
            return written
        raise _failed("write", path, failure)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Return a context at whose end the names of all that this thread put in it are durable.

        A file system's journal takes them in one write so, where it takes a write for each put otherwise.

        Raises:
            StoreError: They could not be made durable.
        """
        folders: dict[Path, None] = {}
        outer, self._later.folders = self._later.folders, folders
        try:
            yield
        finally:
            self._later.folders = outer
        try:
            for folder in folders:  # at the end of an inner one too: what comes after it may refer to what is in it
                sync_folder(folder)
        except OSError as error:
            failure = error
        else:
            return
        raise _failed("write", self.root, failure)

    def delete(self, key: str) -> None:
        """Remove a file.

        Raises:
            StoreError: It is there and cannot be removed, or lies behind a symbolic link.
        """
        path = self._checked(key, last=False)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failure = error
        else:
            return
        raise _failed("remove", path, failure)

    def _checked(self, key: str, *, last: bool = True) -> Path:
        """Return the path of a key, after a look at each name on it below the root: none may be a symbolic link.

        A cloned project can hold links: through one, files would be written elsewhere, and bytes from elsewhere set
        aside into the project. Nothing is remembered of a look, which takes some microseconds.
        """
        names = check_key(key).split("/")
        path = str(self.root)
        for name in names if last else names[:-1]:
            path = f"{path}{os.sep}{name}"
            if not _is_there(path):
                break
        return self.root / key

    def _tell_git(self) -> None:
        path = self.root / ".gitignore"
        if self._ignore and not _is_there(str(path)):
            with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
                file.write(self._ignore)

    def _make_folder(self, folder: Path) -> list[Path]:
        """Make a folder; return the folders in which its name and those of the folders around it are new."""
        if folder.is_dir():
            return []
        around = self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        return [folder.parent, *around]

    def _sync(self, folders: Iterable[Path]) -> None:
        # When all names are made: the first takes the journal to the disk, the others find it there.
        for folder in folders:
            if self._later.folders is None:
                sync_folder(folder)
            else:
                self._later.folders[folder] = None


def _is_there(path: str) -> bool:
    """Return whether something stands there.

    Raises:
        StoreError: It is a symbolic link.
    """
    try:
        if not stat.S_ISLNK(os.lstat(path).st_mode):
            return True
        target = os.readlink(path)  # noqa: PTH115 - a lookup makes no Path for each name
    except OSError:  # where it is more than that nothing is there, whoever opens it meets it too
        return False
    raise StoreError(
        f"{path} is a symbolic link, and nothing of a cache is read or written through one.",
        why=f"It leads to {target[:200]}, which need not belong to the project.",
        hint=f"rm '{path}'   takes the link away, and leaves what it leads to\n"
        "GEMNB_CACHE=/a/folder   in your environment names a cache that lies elsewhere.",
    )


def _sorting(entry: os.DirEntry[str]) -> str:
    return entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name


def _write_durably(path: Path, value: bytes) -> None:
    with path.open("xb") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())


def _name_once(temporary: Path, path: Path) -> bool:
    try:
        # link, unlike rename, never replaces: records are write-once whoever else writes.
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _rename_once(temporary, path)
    return True


def _rename_once(temporary: Path, path: Path) -> bool:
    """Name a file where there are no hard links: gemnb's writers exclude each other, others are not expected."""
    from filelock import FileLock

    lock = path.parent / ".names.lock"
    _is_there(str(lock))
    with FileLock(lock):
        if path.exists():
            return False
        temporary.replace(path)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name == "nt":  # a folder cannot be opened there; NTFS journals names
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _failed(verb: str, path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot {verb} {path}.",
        why=error.strerror or type(error).__name__,
        hint="`%gemnb status` says which folder is used and why; GEMNB_CACHE=/a/folder names another.",
        errno=error.errno,
    )
