"""What gunicorn's worker calls: the application as the environment asks for it."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from pba_demoapp.settings import from_environment
from pba_demoapp.web.app import create_app

if TYPE_CHECKING:
    from flask import Flask


def create() -> Flask:
    """Return the application, logging to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    return create_app(from_environment(os.environ))
