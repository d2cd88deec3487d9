"""A password in a file of its own: its first line."""

from __future__ import annotations

from pathlib import Path

from headend.config import BadConfig


def password_in(path: Path | None, section: str) -> str | None:
    """The password; None where no file is named.  Raises `BadConfig`."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"[{section}] password_file {path}: {error}") from error
    if not lines or not lines[0]:
        raise BadConfig(f"[{section}] password_file {path} is empty")
    return lines[0]
