"""Programs of others that tests run to their end."""

from __future__ import annotations

import asyncio
from pathlib import Path

HANGS_S = 120.0  # ends a program that hangs; none comes near it


async def output_of(*command: str, directory: Path | None = None) -> str:
    """What a program says on stdout; it must end well."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=directory,
    )
    try:
        async with asyncio.timeout(HANGS_S):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, (output + errors).decode()
    return output.decode()
