"""Programs that stand for others."""

from pathlib import Path


def write_program(path: Path, text: str) -> str:
    """Writes a file that can be executed, and its folder; the path to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)
