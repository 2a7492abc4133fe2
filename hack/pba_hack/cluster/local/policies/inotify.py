"""Tells when something changes in folders: the kernel says so, none is looked at for nothing (inotify(7))."""

import ctypes
import os
import threading
from pathlib import Path

__all__ = ["Watcher"]

_CLOSE_WRITE = 0x00000008
_MOVED_TO = 0x00000080
_DELETE = 0x00000200
_EVENTS = _CLOSE_WRITE | _MOVED_TO | _DELETE
_CLOEXEC = 0o2000000
_BYTES = 65536


class Watcher(threading.Thread):
    """Sets an event whenever a file of one of the folders was written or removed; one instance for all of them."""

    def __init__(self, changed: threading.Event) -> None:
        super().__init__(daemon=True)
        self._changed = changed
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(_CLOEXEC)
        if self._handle < 0:
            raise _error("inotify: raise fs.inotify.max_user_instances")

    def add(self, folder: Path) -> None:
        """Watch a folder, too; one that is watched already goes on to be.

        Raises:
            OSError: it is not there.
        """
        if self._libc.inotify_add_watch(self._handle, os.fsencode(folder), _EVENTS) < 0:
            raise _error(str(folder))

    def run(self) -> None:
        """Wait for what happens, for ever."""
        while os.read(self._handle, _BYTES):
            self._changed.set()


def _error(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code), what)
