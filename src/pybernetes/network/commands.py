"""`ip` and `nft` from an event loop: arguments and input in, output out, and `CommandFailed` otherwise."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence


class CommandFailed(Exception):
    """A program said no; the message has its words."""


async def run(command: Sequence[str], stdin: str = "", *, pass_descriptors: Sequence[int] = ()) -> str:
    """Run the program to its end and answer its standard output."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PATH": path, "LC_ALL": "C"},
            pass_fds=tuple(pass_descriptors),
        )
    except OSError as error:
        raise CommandFailed(
            f"cannot run {command[0]}: {error.strerror}; `pybernetes doctor` says what to install"
        )
    output, errors = await process.communicate(stdin.encode() if stdin else None)
    if process.returncode != 0:
        said = " ".join(errors.decode(errors="replace").split())
        raise CommandFailed(f"{' '.join(command)}: {said or f'exit status {process.returncode}'}")
    return output.decode()
