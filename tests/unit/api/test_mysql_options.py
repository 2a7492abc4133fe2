import pytest

from pba_api.mysql_options import OWNED_OPTIONS, OWNED_PREFIXES, is_settable


@pytest.mark.parametrize(
    "option",
    ["innodb_buffer_pool_size", "max_connections", "sql_mode", "log_bin_trust_function_creators",
     "validate_password.policy", "skip_external_locking", "relay_log_space_limit", "tls"],
)  # fmt: skip
def test_option_that_is_the_users_may_be_set(option: str) -> None:
    assert is_settable(option)


@pytest.mark.parametrize(
    "option",
    [
        *OWNED_OPTIONS,
        *(f"{prefix}x" for prefix in OWNED_PREFIXES),
        "loose_datadir",
        "skip_datadir",
        "skip_ssl_key",
        "enable_log_bin",
        "DATADIR",
        "data-dir",
        "a b",
        "",
        "port\n",
        "x=1\nport",
    ],
)
def test_option_that_is_ours_or_none_may_not(option: str) -> None:
    assert not is_settable(option)


def test_lists_are_in_order_and_say_nothing_twice() -> None:
    for names in (OWNED_OPTIONS, OWNED_PREFIXES):
        assert list(names) == sorted(set(names))
    assert [option for option in OWNED_OPTIONS if option.startswith(OWNED_PREFIXES)] == []
