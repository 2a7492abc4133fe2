from __future__ import annotations

import pytest

from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import Affinity
from pba_sync.haproxy.commands import Check

CHECK = Check(interval_milliseconds=700, fall=3, rise=4)


def test_an_added_server_brings_its_checks_along() -> None:
    command = commands.add_server("shop-backend-a", "10.0.0.1", 8080, CHECK, 30, 128)
    assert command.text == (
        "add server nodes/shop-backend-a ipv4@10.0.0.1:8080 "
        "check inter 700ms fastinter 350ms fall 3 rise 4 weight 128 maxconn 30"
    )
    assert command.expected == "New server registered."


def test_clients_are_bound_to_it_by_its_cookie() -> None:
    bound = Affinity("Cookie", "key")
    text = commands.add_server("a", "10.0.0.1", 8080, CHECK, 30, 128, bound).text
    assert text.endswith(f" weight 128 maxconn 30 cookie {bound.cookie('a')}")


def test_clients_are_bound_to_it_by_its_places_on_the_ring() -> None:
    text = commands.add_server("a", "10.0.0.1", 8080, CHECK, 30, 16, Affinity("ClientIP")).text
    assert text.endswith(" weight 16 maxconn 30 hash-key addr-port")


def test_an_ipv6_address_says_so() -> None:
    assert " ipv6@fd00::1:8080 " in commands.add_server("a", "fd00::1", 8080, CHECK, 30, 128).text


@pytest.mark.parametrize("word", ["a b", "a;b", "a\nb", "", "a/b", "ä", "a\\", "a#"])
def test_nothing_can_break_out_of_a_command(word: str) -> None:
    for make in (
        commands.set_drain,
        commands.delete_server,
        commands.wait_removable,
        commands.raise_flag,
        commands.stay,
    ):
        with pytest.raises(ValueError, match="not a word"):
            make(word)
    with pytest.raises(ValueError, match="not a word"):
        commands.add_server("a", word, 1, CHECK, 30, 128)
    with pytest.raises(ValueError, match="not a word"):
        commands.leave("AB12", word)
    with pytest.raises(ValueError, match="not a word"):
        commands.tell_elsewhere({word: 1})
