"""The user PostgreSQL runs as. It refuses root, so root lends it the owner of the data, or `nobody`."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Account:
    """A user and group of this machine; `is_borrowed` when it is not the one this process runs as."""

    uid: int
    gid: int
    is_borrowed: bool

    @classmethod
    def for_data(cls, data: Path) -> "Account":
        """Choose who runs the server of this folder."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), is_borrowed=False)
        if data.exists() and data.stat().st_uid != 0:
            return cls(data.stat().st_uid, data.stat().st_gid, is_borrowed=True)
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid, is_borrowed=True)

    @property
    def for_subprocess(self) -> dict[str, Any]:
        """Arguments that make `subprocess.run` switch to this account."""
        if not self.is_borrowed:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may_enter(self, folder: Path) -> bool:
        """Tell whether the account reaches a folder (groups and access lists are not looked at)."""
        if not self.is_borrowed:
            return True
        return all(self._passes(part.stat()) for part in (folder, *folder.parents))

    def _passes(self, folder: os.stat_result) -> bool:
        needed = stat.S_IXUSR if folder.st_uid == self.uid else stat.S_IXOTH
        return bool(folder.st_mode & needed)

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only this account can enter; one that is there already is kept."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.take_from_root(folder)

    def take_from_root(self, folder: Path) -> None:
        """Own what root has put there, such as a backup copied back. Nothing happens when not borrowed."""
        if not self.is_borrowed or folder.lstat().st_uid != 0:
            return
        for path in (*folder.rglob("*"), folder):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def owns(self, folder: Path) -> bool:
        return folder.lstat().st_uid == self.uid

    def may_own(self, folder: Path) -> bool:
        """Tell whether the folder is the account's, or root's to hand over to it."""
        return self.owns(folder) or (self.is_borrowed and folder.lstat().st_uid == 0)


def owner_name(path: Path) -> str:
    """Name the owner of a file, by number if the number has no name."""
    try:
        return f"the user {path.owner()}"
    except KeyError:
        return f"the user number {path.stat().st_uid}"
