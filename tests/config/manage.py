"""Run manage.py as an operator does, in an environment that says only what a test says."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return what `manage.py` with these arguments wrote, and its exit code."""
    return run_python("manage.py", *arguments, **environment)


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return what Python wrote, started in the project's folder."""
    plain = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "ENV_FILE": os.devnull}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env={**plain, **environment}, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False
    )
