"""The dump and its restoration, by the very commands that the how-to guide gives."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from pba_operator.domain.database import layout

Pod = Any
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "keep-data.md"
PASSWORD = "a b'c\"d$e"


def _scripts() -> list[str]:
    """Return what the guide's commands run in the database's pod."""
    return re.findall(r"kubectl exec -i shop-mysql-0 -- sh -c '([^']*)'", GUIDE.read_text("utf-8"))


def _run(pod: Pod, script: str, given: str) -> str:
    enter = ["nsenter", f"--target={pod.first_process}", "--mount", "--root", "--wd"]
    within = ["setpriv", f"--reuid={layout.USER}", f"--regid={layout.USER}", "--clear-groups"]
    done = subprocess.run(
        [*enter, *within, "sh", "-c", script],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_guide_dumps_it_restores(pod: Pod) -> None:
    pod.run()
    connection = pod.log_in(*pod.admin)
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE app")
        cursor.execute("CREATE USER 'app'@'%%' IDENTIFIED WITH caching_sha2_password BY %s", (PASSWORD,))
        cursor.execute("GRANT ALL PRIVILEGES ON app.* TO 'app'@'%'")
        cursor.execute("CREATE TABLE app.orders (id INT PRIMARY KEY, what VARCHAR(20)) ENGINE=InnoDB")
        cursor.execute("INSERT INTO app.orders VALUES (1, 'hosting'), (2, '域名')")
    connection.close()
    dump, restore = _scripts()

    text = _run(pod, dump, f"{PASSWORD}\n")
    assert text.splitlines()[-1].startswith("-- Dump completed")
    pod.sql("DROP TABLE app.orders")
    _run(pod, restore, f"{PASSWORD}\n{text}")

    assert pod.sql("SELECT * FROM app.orders ORDER BY id") == [(1, "hosting"), (2, "域名")]
