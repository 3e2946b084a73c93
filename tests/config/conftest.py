"""A data folder for an embedded server of the test's own."""

import shutil

import pytest

from config.embedded_postgres.accounts import Account
from config.embedded_postgres.server import Server
from tests.config.servers import stop


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "postgres"
    yield path
    stop(path)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A data folder, made once; a copy of it saves the time to make another."""
    path = tmp_path_factory.mktemp("made") / "postgres"
    Server(path).ensure()
    Server(path).release()
    yield path.resolve()
    stop(path)


@pytest.fixture
def server(data, made):
    server = Server(data)
    server.folder.settle(Account.for_data(data))
    shutil.copytree(made, server.folder.real)
    server.ensure()
    return server
