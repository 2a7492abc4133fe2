"""What a server must do for the operator: tests that the stand-in and a real mysqld pass alike.

Each class here is a base of test classes: in `tests/unit/standin` with the stand-in, in `tests/e2e/mysql` with mysqld.
Both give a fixture `subject`.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.accounts", f"{__name__}.answers", f"{__name__}.failures")
