"""Makes kernel.js of kernel.c.

pip install ziglang==0.17.1  (438 MB, and nothing else of the project needs it)
python book/static/lab/build_kernel.py
"""

import base64
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ZIG = "0.17.1"  # another compiler may give other bytes
FLAGS = (
    *("-target", "wasm32-freestanding", "-mcpu=generic+simd128"),
    *("-O3", "-funroll-loops", "-ffp-contract=off", "-nostdlib", "-s"),
    *("-Wl,--no-entry", "-Wl,-z,stack-size=16384", "-Wl,--export=__heap_base"),
)
SCRIPT = """\
// Made of kernel.c by build_kernel.py: the loops over windows in WebAssembly
(self.hlnbLab ??= []).push(function kernel(lab) {{
  lab.kernel = {{
    source: "{source}",
    wasm: "{wasm}",
  }};
}});
"""


def script(source: Path = HERE / "kernel.c") -> str:
    """The text of kernel.js: the digest of its source, and what zig makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "kernel.wasm")
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-o", out, source]
        subprocess.run(command, check=True)
        wasm = base64.b64encode(out.read_bytes()).decode()
    return SCRIPT.format(source=digest(source), wasm=wasm)


def digest(source: Path = HERE / "kernel.c") -> str:
    """The SHA-256 of the kernel's source."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


if __name__ == "__main__":
    Path(HERE, "kernel.js").write_text(script())
