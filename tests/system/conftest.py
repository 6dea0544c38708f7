# SPDX-License-Identifier: Apache-2.0
"""What all system tests share. ./check sets PORTCULLIS_BUILD; by hand, `build` is assumed."""
import os

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="session")
def build_dir():
    return os.environ.get("PORTCULLIS_BUILD", os.path.join(ROOT, "build"))
