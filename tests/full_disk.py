"""A disk that is full, as far as a program without rights over disks can have one."""

import resource
from contextlib import contextmanager


@contextmanager
def files_end_at(n_bytes):
    """Let every write past a file's first bytes fail, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
