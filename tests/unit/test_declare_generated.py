"""What is generated from the keys is current, and says what the reader does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.declare import Shelf, load_environment, load_project, load_schedule, load_settings
from workbench.declare.reference import _EXAMPLES
from workbench.declare.schema import KINDS
from workbench.declare.schemas import generated, install, schema

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", generated(ROOT), ids=lambda path: path.name)
def test_generated_files_are_current(path: Path) -> None:
    """schemas/ and docs/yaml.md hold what `python -m workbench.declare.schemas --write` writes."""
    assert path.read_text(encoding="utf-8") == generated(ROOT)[path]


def test_the_check_for_ci_says_the_same() -> None:
    """`--check` ends with 0 when all is current, and anything unknown is a usage error."""
    command = [sys.executable, "-P", "-m", "workbench.declare.schemas"]
    assert subprocess.run([*command, "--check"], check=False, cwd=ROOT).returncode == 0
    assert subprocess.run(command, check=False, capture_output=True, cwd=ROOT).returncode == 2


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_know_every_key_and_forbid_others(kind: str) -> None:
    """An editor completes what the reader reads, with a sentence for each."""
    body = schema(kind)
    assert body["additionalProperties"] is False
    assert all(field.get("description") for field in body["properties"].values())
    assert not {"title"} & set(json.dumps(body["properties"].get("python", {})))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_description(kind: str) -> None:
    """Also below the top: the page has a meaning for each row."""
    for body in schema(kind).get("$defs", {}).values():
        whole = body.get("anyOf", [body])[0]
        assert all(field.get("description") for field in whole["properties"].values())


def test_examples_of_the_reference_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows holds."""
    monkeypatch.setattr("workbench.declare.mounts.folder", lambda said, state=None: Path(said))
    shelf = Shelf((ROOT / "environments",))
    assert load_environment(_EXAMPLES["environment"], name="sales", shelf=shelf).problems == ()
    (tmp_path / "project.yaml").write_text(_EXAMPLES["project"])
    assert load_project(tmp_path, name="sales").problems == ()
    assert load_schedule(_EXAMPLES["schedule"], name="n").problems == ()
    assert load_settings(_EXAMPLES["settings"]).problems == ()


@pytest.mark.parametrize("path", sorted((ROOT / "environments").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_environments_are_read(path: Path) -> None:
    """Without problems or notices, with a title and a description for people and a schema that is there."""
    reading = load_environment(path, shelf=Shelf((path.parent,)))
    spec = reading.get()
    assert not reading.notices
    assert spec.title
    assert spec.description
    line = path.read_text().splitlines()[0]
    assert (path.parent / line.partition("$schema=")[2]).is_file()


def test_a_home_gets_the_schemas_once(tmp_path: Path) -> None:
    """Current ones are not written again; old ones are."""
    install(tmp_path)
    path = tmp_path / ".workbench" / "schemas" / "project.schema.json"
    mark = path.stat().st_mtime_ns
    install(tmp_path)
    assert path.stat().st_mtime_ns == mark
    path.write_text("{}")
    install(tmp_path)
    assert json.loads(path.read_text())["title"] == "workbench project"


def test_reading_nothing_loads_nothing_heavy() -> None:
    """Commands that read no declaration do not pay for pydantic and YAML."""
    code = "import sys, workbench.declare, workbench.services.projects, workbench.services.environments; print(sorted({'pydantic', 'yaml', 'ruamel.yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "text", "holds"),
    [
        *((kind, text, True) for kind, text in _EXAMPLES.items()),
        ("environment", "python: 3.13\nlimits:\nenv: {PORT: 5432, FLAG: true}\n", True),
        ("environment", 'python: "3.13"\nides: [jupyter]\n', True),
        ("environment", "imge: x\n", False),
        ("environment", "limits: {memory: 8GB}\n", False),
        ("environment", "ides: [Emacs]\n", False),
        ("schedule", "every: 2h\n", False),
        ("schedule", "notebook: a.ipynb\noverlap: skp\n", False),
        ("settings", "engine: podman\n", False),
    ],
)
def test_an_editor_sees_what_the_reader_sees(kind: str, text: str, holds: bool) -> None:
    """With YAML 1.2 as editors read it, the schema takes what is written in the usual forms and no typing error."""
    import jsonschema
    from ruamel.yaml import YAML

    validator = jsonschema.Draft7Validator(schema(kind))
    assert validator.is_valid(YAML(typ="safe").load(text)) is holds
