# SPDX-License-Identifier: Apache-2.0
"""What all system tests share. ./check sets PORTCULLIS_BUILD, DATABASE_URL and the path to node;
by hand, a build in ./build is assumed.

`target` is where an SDK talks to: the fake provider itself, which proves that the provider is one
the real SDKs accept, and the gateway in front of it, which must not be distinguishable.
"""
import os
import shutil

import pytest

from fake import FakeProvider
from gateway import Gateway
from postgres import Postgres

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Target:
    """base_url ends in /v1; ca is None for plain http."""

    def __init__(self, name, url, key, ca):
        self.name = name
        self.url = url
        self.base_url = url + "/v1"
        self.key = key
        self.ca = ca


@pytest.fixture(scope="session")
def build_dir():
    return os.environ.get("PORTCULLIS_BUILD", os.path.join(ROOT, "build"))


@pytest.fixture(scope="session")
def fake(build_dir, tmp_path_factory):
    provider = FakeProvider(build_dir, tmp_path_factory.mktemp("fake"), "--cert", "wrong-host",
                            "--cert", "expired", "--cert", "self-signed")
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def database_url():
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    postgres = Postgres()
    yield postgres.url
    postgres.stop()


@pytest.fixture(scope="session")
def gateway(build_dir, database_url, fake, tmp_path_factory):
    binary = os.environ.get("PORTCULLIS_BIN", os.path.join(build_dir, "portcullis"))
    if not os.path.exists(binary):
        binary = os.path.join(build_dir, "src/portcullis")
    started = Gateway(binary, database_url, tmp_path_factory.mktemp("gateway"), ROOT, fake)
    yield started
    started.stop()


@pytest.fixture(scope="session", params=["fake", "gateway"])
def target(request, fake):
    if request.param == "fake":
        return Target("fake", fake.url, "key-of-a-test", fake.ca)
    gateway = request.getfixturevalue("gateway")
    return Target("gateway", gateway.url, gateway.keys["developer"], None)


@pytest.fixture(scope="session")
def node():
    found = shutil.which("node")
    assert found, "node is not on the path (./check installs it)"
    return found
