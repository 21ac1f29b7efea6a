"""Repositories of git, whoever its user is."""

import subprocess
from pathlib import Path


def git(folder: Path, *words: str | Path, given: str | None = None) -> str:
    """Returns what git prints, of what is `given` to it."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, input=given, check=True, capture_output=True, text=True)
    return done.stdout.strip()
