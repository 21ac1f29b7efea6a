"""Folders for files through which processes of this machine pass arrays."""

import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")


def shared_folder(size: int) -> tempfile.TemporaryDirectory[str]:
    """Returns a folder for a file of that many bytes that several processes map: in memory where there is room, else
    where TMPDIR says.
    """
    usable = os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > size
    return tempfile.TemporaryDirectory(prefix="tfgate-", dir=SHARED_MEMORY if usable else None)
