"""All mutations, tried once; each test asks something else of what became of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pba_mutation.bulk import Bulk, each
from pba_mutation.mutations import mutations
from pba_mutation.verdicts import Court, Verdict

from pba_hack.apiserver import ApiServer


@pytest.fixture(scope="session")
def court(api_server: ApiServer, crd: str) -> Iterator[Court]:  # noqa: ARG001 - must be installed
    """An API server that judges; nothing is changed on it."""
    with Bulk(api_server) as bulk:
        yield Court(bulk)


@pytest.fixture(scope="session")
def verdicts(court: Court) -> list[Verdict]:
    """What became of every mutation of every place of the schema."""
    return list(each(court.judge, mutations()))


@pytest.fixture(scope="session")
def accepted(verdicts: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.accepted]


@pytest.fixture(scope="session")
def refused(verdicts: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if not verdict.accepted]
