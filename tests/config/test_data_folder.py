"""Whatever is wrong with the data folder: one sentence, and nothing is touched."""

import os
import resource
from pathlib import Path

import pytest

from config.embedded_postgres import errors
from config.embedded_postgres.accounts import Account
from config.embedded_postgres.data_folder import DataFolder
from config.embedded_postgres.errors import EmbeddedPostgresError
from config.embedded_postgres.server import Server
from tests.config.servers import an_ordinary_user


def _let_others_come_to(folder: Path) -> None:
    """Open the folder, and those of pytest above it, which are its owner's alone."""
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.getuid() and "pytest-of-" in str(one):
            one.chmod(0o755)


def test_data_of_another_major_version_is_refused_untouched(data):
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 9, but embedded-postgres \d+ is"):
        Server(data).ensure()

    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_folder_with_something_else_in_it_is_refused_untouched(data):
    data.mkdir()
    (data / "letter.txt").write_text("dear diary")

    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL data folder"):
        Server(data).ensure()

    assert (data / "letter.txt").read_text() == "dear diary"


def test_file_in_place_of_a_folder_is_refused(data):
    data.write_text("")

    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL data folder"):
        Server(data).ensure()


def test_file_in_place_of_the_folder_above_is_refused(tmp_path):
    (tmp_path / "var").write_text("")

    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL data folder"):
        Server(tmp_path / "var" / "postgres").ensure()


def test_folder_whose_name_a_shell_would_read_is_refused(tmp_path):
    with pytest.raises(EmbeddedPostgresError, match="without quotes"):
        Server(tmp_path / "$HOME" / "postgres").ensure()


def test_read_only_folder_is_named(tmp_path):
    _let_others_come_to(tmp_path)
    tmp_path.chmod(0o555)
    with an_ordinary_user(), pytest.raises(EmbeddedPostgresError, match="cannot be written"):
        Server(tmp_path / "postgres").ensure()


def test_folder_of_somebody_else_is_refused():
    folder = DataFolder(Path("/usr"))

    with an_ordinary_user(), pytest.raises(EmbeddedPostgresError, match="/usr belongs to the user root"):
        folder.is_made(Account.for_data(folder.path))


@pytest.mark.parametrize(("mode", "may_enter"), [(0o700, False), (0o755, True)])
def test_borrowed_account_enters_only_what_is_open_to_it(tmp_path, mode, may_enter):
    _let_others_come_to(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(mode)
    stranger = Account(uid=os.getuid() + 12345, gid=12345, is_borrowed=True)
    owner = Account(uid=os.getuid(), gid=os.getgid(), is_borrowed=True)

    assert stranger.may_enter(closed) == may_enter
    assert owner.may_enter(closed)


def test_half_made_folder_is_made_anew(data):
    folder = DataFolder(data)
    folder.settle(Account.for_data(data))
    unfinished = folder.real.with_name(f"{folder.real.name}.unfinished")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    server = Server(data)
    server.ensure()

    assert server.answers()
    assert not unfinished.exists()


def test_making_that_failed_half_way_leaves_nothing_and_succeeds_next_time(data):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(EmbeddedPostgresError, match="failed"):
            Server(data).ensure()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    real = DataFolder(data).real
    assert list(real.parent.glob(f"{real.name}*")) == []

    server = Server(data)
    server.ensure()

    assert server.answers()


@pytest.mark.parametrize(
    "said",
    [
        'initdb: error: could not write to file "pg_wal/xlogtemp.9": No space left on device',
        'FATAL:  could not write lock file "postmaster.pid": No space left on device',
        "PANIC:  could not write to file: Disk quota exceeded",
    ],
)
def test_full_disk_is_told_from_what_postgresql_says(said):
    sentence = str(errors.from_output("pg_ctl", f"waiting for server to start....\n{said}\nstopped", Path("/d")))

    assert sentence == "The disk that holds /d is full: free some space, then try again."


def test_full_disk_is_told_from_what_the_system_says():
    with pytest.raises(OSError, match="No space left") as caught:
        Path("/dev/full").write_text("x")

    sentence = str(errors.from_system(caught.value, Path("/d")))

    assert sentence == "The disk that holds /d is full: free some space, then try again."
