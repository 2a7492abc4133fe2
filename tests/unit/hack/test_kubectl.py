"""What kubectl is told for the changes that the demo and the tests make."""

from __future__ import annotations

import json

import pytest

from pba_hack.kubectl import Kubectl


class Told(Kubectl):
    """kubectl that only remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.words: tuple[str, ...] = ()

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        assert stdin is None
        self.words = args
        return ""


@pytest.fixture
def kubectl() -> Told:
    return Told()


def test_a_patch_is_a_list_of_operations(kubectl: Told) -> None:
    operation = {"op": "remove", "path": "/spec/paused"}
    kubectl.patch("pbacluster", "shop", operation)
    assert kubectl.words[:-1] == ("patch", "pbacluster", "shop", "--type=json", "-p")
    assert json.loads(kubectl.words[-1]) == [operation]


def test_what_is_null_in_a_merge_is_sent_as_null(kubectl: Told) -> None:
    change = {"spec": {"paused": None}}
    kubectl.merge("pbacluster", "shop", change)
    assert kubectl.words[:-1] == ("patch", "pbacluster", "shop", "--type=merge", "-p")
    assert json.loads(kubectl.words[-1]) == change
