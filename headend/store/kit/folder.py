"""Where the kit lies, and how a file is written so that a crash leaves the old one or the new one.

`~/.local/share/ami/probe` on Linux (XDG_DATA_HOME), and what the platform has for the same
elsewhere.  Nobody but its owner may look into it.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


class BadKit(RuntimeError):
    """The kit cannot be used; the text names the file and what to do."""


def default_folder() -> Path:
    """The kit of this user."""
    return platformdirs.user_data_path("ami", appauthor=False) / "probe"


def prepare(folder: Path) -> Path:
    """Make the folder where there is none.  Raises `BadKit`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadKit(f"{folder}: {error.strerror}. Try: another folder for the kit") from error
    return folder


def read(path: Path) -> bytes | None:
    """A file's octets; None where there is none.  Raises `BadKit`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadKit(f"{path}: {error.strerror}") from error


def write(path: Path, octets: bytes) -> None:
    """Replace a file; returns once that is on disk.  Raises `BadKit`."""
    fresh = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BadKit(f"{path}: {error.strerror}. Try: free some space, then repeat") from error


def append(path: Path, octets: bytes) -> None:
    """Add to a file; returns once that is on disk.  Raises `BadKit`."""
    try:
        made = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "ab") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        if made:
            _sync_folder(path.parent)
    except OSError as error:
        raise BadKit(f"{path}: {error.strerror}. Try: free some space, then repeat") from error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened, and the rename is enough
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
