"""A failure that its reader can mend: one line that says what is wrong and what to do.

The command line prints it and exits with `status`; nothing else in the program catches it.
"""

from __future__ import annotations

import errno


class Failure(Exception):
    """`str()` is the one line. `status` is the exit code."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def of_os_error(error: OSError) -> Failure:
    """What to tell about an error of the operating system that nobody foresaw where it happened."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(f"the disk is full{where}: free some space, then run the same command again")
    if error.errno == errno.EROFS:
        return Failure(f"the file system is read-only{where}: choose a writable folder with --data-dir")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Failure(
            f"permission denied{where}: run the command as root, or choose another folder with --data-dir"
        )
    if isinstance(error, FileNotFoundError) and error.filename:
        return Failure(f"{error.filename} is missing: run `pybernetes doctor` to see what this machine lacks")
    return Failure(
        f"{error.strerror or error}{where}: run `pybernetes doctor` to see what this machine lacks"
    )
