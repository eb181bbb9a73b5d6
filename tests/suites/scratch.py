"""A folder that is gone when its suite is over."""

import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder():
    with tempfile.TemporaryDirectory(prefix="odp-suite-") as folder:
        yield Path(folder)
