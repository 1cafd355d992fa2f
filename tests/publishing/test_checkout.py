"""A checkout has the bytes of the repository, whatever git does to line breaks."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = ("Makefile", "tests/browser.py", "notebooks/00_explorer.ipynb", ".ci/run")
PICTURES = ("book/images/speed.png",)


def git(folder: Path, *command: str) -> str:
    """What git prints, with the settings of a new user whose git turns LF to CRLF."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(
        ["git", "-c", "core.autocrlf=true", *who, *command],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_line_breaks_stay_where_git_would_turn_them(tmp_path):
    (made := tmp_path / "made").mkdir()
    for name in (".gitattributes", *KINDS, *PICTURES):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, made / name)
    (made / "pasted.md").write_bytes(b"a\r\nb\r\n")
    git(made, "init", "-q")
    git(made, "add", "-A")
    git(made, "commit", "-q", "-m", "all")
    git(tmp_path, "clone", "-q", "made", "cloned")
    for name in (*KINDS, *PICTURES):
        assert (tmp_path / "cloned" / name).read_bytes() == (ROOT / name).read_bytes()
    assert (tmp_path / "cloned" / "pasted.md").read_bytes() == b"a\nb\n"
