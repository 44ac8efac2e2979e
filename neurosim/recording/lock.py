"""One writer per run: an advisory lock that the system drops when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

from neurosim.foundation.errors import LimitError


class WriterLock:
    """An exclusive lock on a file, which names its holder.

    Raises LimitError, naming process and host of the holder, when another writer has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = self._acquire()

    def _acquire(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # the former holder may have removed the file between our opening and our locking it
                if self.path.exists() and os.fstat(descriptor).st_ino == self.path.stat().st_ino:
                    since = time.strftime("%Y-%m-%d %H:%M:%S")
                    holder = f"process {os.getpid()} on {socket.gethostname()} since {since}"
                    os.truncate(descriptor, 0)
                    os.pwrite(descriptor, holder.encode(), 0)
                    return descriptor
            except BlockingIOError:
                holder = os.pread(descriptor, 1000, 0).decode(errors="replace") or "an unnamed process"
                os.close(descriptor)
                remedy = "wait for it, stop it, or write to another file"
                raise LimitError(str(self.path.parent), "no other writer", holder, remedy) from None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def remove(self) -> None:
        """Take the file away while still holding the lock."""
        self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let the next writer in (idempotent)."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
