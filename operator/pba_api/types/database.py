"""The MySQL server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pba_api.markers import Default, Doc, Entries, IntOrString, Required, Rule, Text
from pba_api.mysql_names import ADMINISTRATOR, MYSQL_PREFIX, MYSQL_SCHEMAS, OPERATOR_PREFIX
from pba_api.mysql_options import LONGEST_NAME, NAME_PATTERN, OWNED_OPTIONS, OWNED_PREFIXES, SKIP
from pba_api.types.common import Image, KeyReference, PodSettings
from pba_api.types.rules import NAME_OR_EMPTY, cel_list, cel_string

_MEANT = f"[k, k.startsWith('{SKIP}') ? k.substring({len(SKIP)}) : k]"
_OPTIONS, _PREFIXES = cel_list(OWNED_OPTIONS), cel_list(OWNED_PREFIXES)
_IS_OWNED = f"{_MEANT}.exists(o, o in {_OPTIONS} || {_PREFIXES}.exists(p, o.startsWith(p)))"
_CLASS = "(has({0}.storageClassName) ? {0}.storageClassName : '')"


@dataclass(frozen=True)
class Storage:
    """A volume's size (a Kubernetes quantity) and class (empty: the cluster's default class)."""

    RULES: ClassVar = (
        Rule(
            f"{_CLASS.format('self')} == {_CLASS.format('oldSelf')}",
            "storageClassName cannot be changed, because a volume cannot move between classes: set it back",
            field_path=".storageClassName",
        ),
    )

    size: Annotated[
        str,
        Doc("The volume's size, such as 20Gi. It can only grow."),
        Required(),
        Text(min_length=1, max_length=32),
        Rule(
            "isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
            "size must be a positive quantity, such as 20Gi",
        ),
        Rule(
            "!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0",
            "size can only grow: set it to the present size or more",
        ),
    ]
    storage_class_name: Annotated[
        str,
        Doc("The volume's StorageClass; empty: the cluster's default. It cannot be changed later."),
        Text(max_length=253, pattern=NAME_OR_EMPTY),
    ]


@dataclass(frozen=True)
class DatabaseUser:
    """The application's MySQL account; without `password_secret_ref` its password is generated."""

    name: Annotated[
        str,
        Doc("The account's name. It cannot be changed later."),
        Default("app"),
        Text(min_length=1, max_length=32, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$"),
        Rule("self == oldSelf", "database.user.name cannot be changed: set it back"),
        Rule(
            f"self != '{ADMINISTRATOR}' && !self.startsWith('{MYSQL_PREFIX}')",
            "database.user.name must not be an account of MySQL's own: choose another name",
        ),
        Rule(
            f"!self.startsWith('{OPERATOR_PREFIX}')",
            f"names that begin with '{OPERATOR_PREFIX}' are the operator's own accounts: choose another "
            "database.user.name",
        ),
    ]
    password_secret_ref: Annotated[
        KeyReference | None,
        Doc("The Secret and key with the account's password; absent: one is generated."),
    ]


@dataclass(frozen=True)
class Database:
    """The MySQL server."""

    image: Annotated[Image, Doc("The MySQL server's container image, such as mysql:9.7.4."), Required()]
    name: Annotated[
        str,
        Doc("The application's schema. It cannot be changed later, because the data is in it."),
        Default("app"),
        Text(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$"),
        Rule(
            "self == oldSelf",
            "database.name cannot be changed, because the data is in that schema: set it back",
        ),
        Rule(
            f"!(self.lowerAscii() in {cel_list(MYSQL_SCHEMAS)})",
            "database.name must not be a schema of MySQL's own: choose another name",
        ),
    ]
    user: Annotated[DatabaseUser, Doc("The application's MySQL account."), Default({})]
    storage: Annotated[Storage, Doc("The volume of each member."), Required()]
    config: Annotated[
        Mapping[
            str, Annotated[str, IntOrString(), Text(max_length=960, pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$")]
        ],
        Doc(
            "Options of mysqld (its [mysqld] group), such as innodb_buffer_pool_size: 1G. Options that the operator "
            "sets itself are refused."
        ),
        Entries(100),
        Rule(
            f"self.all(k, k.size() <= {LONGEST_NAME} && k.matches({cel_string(NAME_PATTERN)}))",
            "a key of database.config must be an option of mysqld in lower case, with '_' for '-', such as "
            "innodb_buffer_pool_size",
        ),
        Rule(
            f"!self.exists(k, {_IS_OWNED})",
            "database.config must not set an option that the operator sets itself: remove it",
            message_expression=(
                f"'database.config must not set ' + self.filter(k, {_IS_OWNED})[0] + "
                "': the operator sets it itself, or needs it as it is; remove it'"
            ),
        ),
    ]
    pod: Annotated[PodSettings, Doc("Placement and size of the MySQL pods."), Default({})]
