"""Each statement of the operator's code, and what goes wrong around it: the answers, as a real mysqld gave them.

`answers.json` is what mysqld 9.7.4 said. Both are compared with it, the real one too. It is written anew by

    PBA_WRITE_ANSWERS=1 python -m pytest tests/e2e/mysql/test_answers.py
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pymysql
import pytest

from pba_standin.contract.accounts import DAMAGE
from pba_standin.contract.overhearing import Answer, overheard
from pba_standin.contract.question import Question
from pba_standin.contract.subject import Subject

Step = list[Any]
"""Who, the statement, and the answer."""
RECORD: Final = Path(__file__).with_name("answers.json")
MAY_WRITE: Final = "PBA_WRITE_ANSWERS"


def _ask(question: Question) -> None:
    """Have the operator's code ask, at first and again."""
    question.ask()
    question.ask()


def _damaged(damage: str) -> Callable[[Question], None]:
    def scene(question: Question) -> None:
        question.ask()
        question.subject.sql(DAMAGE[damage])
        question.ask()

    return scene


def _with(*statements: str) -> Callable[[Question], None]:
    """Return a scene in which the operator's code asks after an administrator has said something."""

    def scene(question: Question) -> None:
        for statement in statements:
            question.subject.sql(statement)
        question.ask()

    return scene


def _wrong_password(question: Question) -> None:
    question.ask()
    for password in ("wrong", ""):
        _say(question, question.wanted.user, password)


def _strangers(question: Question) -> None:
    question.ask()
    for user in ("nobody", "The.App", "the.app "):
        _say(question, user, question.password)


def _schemas(question: Question) -> None:
    question.ask()
    user, password = question.wanted.user, question.password
    for schema in ("my_app-1", "My_App-1", "information_schema", "mysql", "nowhere"):
        _say(question, user, password, database=schema)
    for schema in ("mysql", "nowhere"):
        _say(question, *question.subject.admin, database=schema)


def _without_tls(question: Question) -> None:
    question.ask()
    question.log_in().close()
    for login in ((question.wanted.user, question.password), question.subject.admin):
        _say(question, *login, ssl=None, ssl_disabled=True)


def _closed_doors(question: Question) -> None:
    question.ask()
    for state in ("ACCOUNT LOCK", "PASSWORD EXPIRE", "ACCOUNT UNLOCK", "PASSWORD EXPIRE NEVER"):
        question.subject.sql(f"ALTER USER 'the.app'@'%' {state}")
        for password in (question.password, "wrong"):
            _say(question, question.wanted.user, password)


def _wildcards(question: Question) -> None:
    question.ask()
    question.subject.sql("CREATE DATABASE another")
    for pattern in ("another", "an_ther", "an\\_ther", "%ther", "another\\%"):
        for change in (
            "GRANT SELECT ON `{}`.* TO 'the.app'@'%'",
            "REVOKE SELECT ON `{}`.* FROM 'the.app'@'%'",
        ):
            question.subject.sql(change.format(pattern))
            _say(question, question.wanted.user, question.password, database="another")
            question.subject.sql("SELECT db FROM mysql.db WHERE user = 'the.app'")


def _all_revoked(question: Question) -> None:
    question.ask()
    question.subject.sql("GRANT PROCESS, SHOW DATABASES ON *.* TO 'the.app'@'%'")
    held = "SELECT Process_priv, Show_db_priv, Select_priv FROM mysql.user WHERE user = 'the.app'"
    question.subject.sql(held)
    _say(question, question.wanted.user, question.password, "SHOW COLUMNS FROM mysql.db LIKE '%\\_priv'")
    question.subject.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'the.app'@'%'")
    question.subject.sql(held)
    question.subject.sql("SELECT db FROM mysql.db WHERE user = 'the.app'")


OF_THE_APPLICATION: Final = (
    "SELECT 1",
    "SELECT VERSION()",
    "SELECT @@partial_revokes",
    "SELECT host FROM mysql.user WHERE user = 'the.app'",
    "SELECT Select_priv FROM mysql.db WHERE user = 'the.app'",
    "SHOW COLUMNS FROM mysql.db LIKE '%\\_priv'",
    "SELECT 1 FROM information_schema.schemata WHERE schema_name = 'my_app-1'",
    "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'mysql'",
    "CREATE DATABASE another",
    "CREATE DATABASE IF NOT EXISTS `my_app-1`",
    "CREATE DATABASE `my_app-1`",
    "DROP DATABASE another",
    "CREATE USER 'other'@'%' IDENTIFIED BY 'x'",
    "CREATE USER IF NOT EXISTS 'the.app'@'%' IDENTIFIED BY 'x'",
    "ALTER USER 'pba_admin'@'%' ACCOUNT LOCK",
    "DROP USER 'pba_admin'@'%'",
    "GRANT ALL PRIVILEGES ON `another`.* TO 'the.app'@'%'",
    "GRANT ALL PRIVILEGES ON `my\\_app-1`.* TO 'the.app'@'%'",
    "GRANT PROCESS ON *.* TO 'the.app'@'%'",
    "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'the.app'@'%'",
    "SET GLOBAL super_read_only = ON",
)


def _overreaching(question: Question) -> None:
    question.ask()
    for statement in OF_THE_APPLICATION:
        _say(question, question.wanted.user, question.password, statement)


OF_ADMINISTRATORS: Final = (
    "CREATE USER 'the.app'@'%' IDENTIFIED BY 'x'",
    "CREATE USER IF NOT EXISTS 'the.app'@'%' IDENTIFIED BY 'x'",
    "CREATE USER 'a-name-of-more-than-thirty-two-characters'@'%' IDENTIFIED BY 'x'",
    "ALTER USER 'nobody'@'%' ACCOUNT UNLOCK",
    "ALTER USER IF EXISTS 'nobody'@'%' ACCOUNT UNLOCK",
    "DROP USER 'nobody'@'%', 'the.app'@'127.0.0.1'",
    "DROP USER IF EXISTS 'nobody'@'%'",
    "GRANT ALL PRIVILEGES ON `my\\_app-1`.* TO 'nobody'@'%'",
    "REVOKE SELECT ON `another`.* FROM 'the.app'@'%'",
    "REVOKE SELECT ON `another`.* FROM 'nobody'@'%'",
    "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'nobody'@'%'",
    "CREATE DATABASE `my_app-1`",
    "CREATE DATABASE IF NOT EXISTS `my_app-1`",
    "CREATE DATABASE ``",
    "CREATE DATABASE `a `",
    f"CREATE DATABASE `{'x' * 65}`",
    "DROP DATABASE nowhere",
    "DROP DATABASE IF EXISTS nowhere",
    "SELECT 1 FROM information_schema.schemata WHERE schema_name = 'My_App-1'",
    "SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'my_app-1'",
    "SELECT user, host FROM mysql.user WHERE user = 'THE.APP'",
    "SELECT user, host FROM mysql.user WHERE user = 'root' AND host = 'LOCALHOST'",
    "SELECT user, host, account_locked FROM mysql.user WHERE user <> ''",
    "SELECT db FROM mysql.db WHERE user = 'the.app'",
    "SELECT db FROM mysql.db WHERE user = 'the.app' AND db = 'MY\\\\_APP-1'",
    "SELECT @@GLOBAL.super_read_only",
    "SELECT @@require_secure_transport",
    "SET NAMES utf8mb4",
)


def _mistaken(question: Question) -> None:
    question.ask()
    for statement in OF_ADMINISTRATORS:
        _say(question, *question.subject.admin, statement)


def _read_only(question: Question) -> None:
    question.ask()
    _say(
        question,
        *question.subject.admin,
        "SET GLOBAL super_read_only = ON",
        "SELECT @@read_only",
        "SET GLOBAL read_only = OFF",
        "SELECT @@super_read_only",
    )
    application = (question.wanted.user, question.password)
    for variable in ("super_read_only", "read_only"):
        question.subject.sql("SET GLOBAL super_read_only = OFF")
        question.subject.sql(f"SET GLOBAL {variable} = ON")
        for login in (question.subject.admin, application):
            _say(question, *login, "CREATE DATABASE IF NOT EXISTS `my_app-1`")
            _say(question, *login, "CREATE DATABASE another")
            _say(question, *login, "CREATE USER IF NOT EXISTS 'the.app'@'%' IDENTIFIED BY 'x'")
            _say(question, *login, "SELECT @@read_only")


SCENES: Final[dict[str, Callable[[Question], None]]] = {
    "the operator asks at first, and again": _ask,
    **{f"the operator asks after damage: {damage}": _damaged(damage) for damage in DAMAGE},
    "the operator asks with partial_revokes": _with("SET GLOBAL partial_revokes = ON"),
    "the operator asks a server that is read-only": _with("SET GLOBAL super_read_only = ON"),
    "the operator asks, and another account goes before": _with(
        "CREATE USER 'the.app'@'127.0.0.1' IDENTIFIED BY 'other'"
    ),
    "a wrong password": _wrong_password,
    "names that are not known": _strangers,
    "schemas to begin in": _schemas,
    "without TLS": _without_tls,
    "an account that is locked, and whose password is expired": _closed_doors,
    "grants on schemas by patterns": _wildcards,
    "grants that are all taken back": _all_revoked,
    "what the application may not": _overreaching,
    "what administrators get wrong": _mistaken,
    "a server that is read-only": _read_only,
}


def _say(question: Question, user: str, password: str, *statements: str, **options: Any) -> None:
    """Say something in a connection of its own; the answer is overheard."""
    with contextlib.suppress(pymysql.MySQLError):
        connection = question.subject.log_in(user, password, **options)
        with connection, connection.cursor() as cursor:
            for statement in statements or ("SELECT 1",):
                cursor.execute(statement)


def recorded() -> dict[str, Any]:
    """Return what was written down of mysqld."""
    found: dict[str, Any] = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    return found


class AnswersContract:
    """What is said to a server, and what it answers."""

    @pytest.fixture
    def question(self, subject: Subject) -> Iterator[Question]:
        made = Question(subject)
        yield made
        made.clean_up()

    @pytest.mark.parametrize("scene", SCENES)
    def test_the_answers_are_those_that_mysqld_gave(self, question: Question, scene: str) -> None:
        with overheard() as said:
            SCENES[scene](question)
        now = [_without_revision(*step) for step in said]
        self.write(scene, now)
        assert now == recorded()[scene]

    def write(self, scene: str, steps: list[Step]) -> None:
        """Write the record anew, if this is mysqld and it is asked for."""


def write_record(scene: str, steps: list[Step]) -> None:
    """Write down what mysqld has answered, if the environment asks for it; each step is a line."""
    if not os.environ.get(MAY_WRITE):
        return
    known = {**recorded(), scene: steps}
    scenes = [f"{json.dumps(name)}: [\n{_lines(known[name])}\n]" for name in SCENES if name in known]
    RECORD.write_text("{\n" + ",\n".join(scenes) + "\n}\n", "utf-8")


def _lines(steps: list[Step]) -> str:
    return ",\n".join(json.dumps(step, ensure_ascii=False) for step in steps)


def _without_revision(who: str, statement: str, answer: Answer) -> Step:
    """Return a step as JSON has it; a package's revision is left out of the version."""
    step: Step = json.loads(json.dumps([who, statement, answer]))
    if statement == "SELECT VERSION()" and "rows" in answer:
        step[2]["rows"] = [[version.partition("-")[0]] for (version,) in answer["rows"]]
    return step
