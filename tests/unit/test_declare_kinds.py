"""Environments, schedules and settings out of YAML: values with their types and units, every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.declare import Reading, Shelf, load_environment, load_schedule, load_settings
from workbench.declare.schema import EnvironmentKeys, ScheduleKeys, SettingsKeys
from workbench.model.environment import EngineName, EnvironmentSpec
from workbench.model.schedule import CatchUp, Overlap, ScheduleSpec
from workbench.model.sizes import Machine

MACHINE = Machine(cpus=4, memory=8 * 1024**3)


def environment(text: str, shelf: Shelf | None = None) -> Reading[EnvironmentSpec]:
    """An environment out of text, on a machine of 4 cores and 8 GB."""
    return load_environment(text, name="x", shelf=shelf, machine=MACHINE)


def said(reading: Reading[object] | Reading[EnvironmentSpec] | Reading[ScheduleSpec]) -> str:
    """All problems, a line each."""
    return "\n".join(str(problem) for problem in reading.problems)


def schedule(text: str, **options: object) -> Reading[ScheduleSpec]:
    """A schedule out of text."""
    return load_schedule(text, project="p", name="n", **options)  # type: ignore[arg-type]


def test_an_environment_has_everything_it_says() -> None:
    """Every key arrives in the spec, with its type and unit."""
    spec = environment(
        """\
title: Sales
description: More
engine: docker
python: {version: 3.13, packages: ["pandas>=2.2", acme], index: https://pypi.acme.example/simple}
r: {version: 4.5, packages: [tidyverse]}
apt: [libpq5]
env: {PGHOST: db.acme.example, PORT: 5432, FLAG: no, EMPTY: "", TEXT: "a\\nb"}
limits: {cpus: 2.5, memory: 4G, shared_memory: 512M, pids: 500}
ides: [jupyter]
"""
    ).get()
    assert (spec.name, spec.title, spec.engine) == ("x", "Sales", EngineName.DOCKER)
    assert spec.python
    assert (spec.python.version, spec.python.packages) == ("3.13", ("pandas>=2.2", "acme"))
    assert spec.python.index == "https://pypi.acme.example/simple"
    assert spec.r
    assert (spec.r.version, spec.r.packages, spec.apt) == ("4.5", ("tidyverse",), ("libpq5",))
    assert spec.env == {
        "PGHOST": "db.acme.example",
        "PORT": "5432",
        "FLAG": "no",
        "EMPTY": "",
        "TEXT": "a\nb",
    }
    assert (spec.limits.cpus, spec.limits.memory, spec.limits.pids) == (2.5, 4 * 1024**3, 500)
    assert spec.limits.shared_memory == 512 * 1024**2


def test_short_forms_and_empty_keys() -> None:
    """`python: 3.10` is its version, a key with nothing behind it counts as not written."""
    spec = environment("python: 3.10\nlimits:\nenv:\ntitle:\n").get()
    assert spec.python
    assert spec.python.version == "3.10"
    assert spec.limits.memory is None


def test_an_environment_that_says_nothing_of_languages_is_python() -> None:
    """A title alone is Python with Jupyter."""
    spec = environment("title: Bare\n").get()
    assert spec.python is not None
    assert spec.ides == ("jupyter",)


def test_all_problems_come_at_once_with_places_and_suggestions() -> None:
    """One reading tells everything: nearest key, key of another level, later versions, policy, units, ranges."""
    reading = environment(
        """\
titel: x
extends: nowhere
privileged: true
network: host
python: {packages: pandas, verison: "3.1"}
cpus: 4
julia: [x]
limits: {cpus: 100, memory: 8, shared_memory: 8GB}
env: {1A: x, B: , C: [1]}
ides: [jupiter, emacs]
"""
    )
    assert reading.value is None
    lines = said(reading)
    for expected in (
        "<text>:1:1: unknown key 'titel': did you mean 'title'?",
        "<text>:2:10: no environment named 'nowhere'",
        "<text>:3:1: 'privileged' is refused by policy",
        "<text>:4:10: 'network: host' is refused by policy",
        "<text>:5:20: expected a list, found text: write [pandas]",
        "<text>:5:28: unknown key 'verison': did you mean 'version'?",
        "<text>:6:1: unknown key 'cpus': it belongs under `limits:`",
        "<text>:7:1: 'julia' is not in this version yet",
        "<text>:8:16: cpus 100 is out of range: this machine has 4",
        "<text>:8:29: size '8' has no unit: 8 of what? write 8G or 8M",
        "<text>:8:47: size '8GB' is not in a form that is read: write 8G",
        "<text>:9:7: '1A' is no name of a variable",
        '<text>:9:17: expected text, found nothing: for empty text write ""',
        "<text>:9:22: expected text, found a list",
        "<text>:10:8: unknown IDE 'jupiter': did you mean 'jupyter'?",
        "<text>:10:17: unknown IDE 'emacs'",
    ):
        assert expected in lines
    assert len(reading.problems) == 16


@pytest.mark.parametrize("value", ["8", "8GB", "-1", "1e9", "99999G", "0G", "1.5G", "G", "8 G", "8g", "4Gi", "no"])
def test_memory_outside_of_its_form_is_refused(value: str) -> None:
    """Only a whole number with K, M, G or T, within what the machine has."""
    assert "size" in said(environment(f"limits: {{memory: {value}}}\n"))


@pytest.mark.parametrize("value", ["0", "-1", "0.001", "1000", "two", "1e3", ".", "nan"])
def test_cores_outside_of_the_machine_are_refused(value: str) -> None:
    """The range names the machine's count."""
    message = said(environment(f"limits: {{cpus: {value}}}\n"))
    assert "this machine has 4" in message or "expected a number of cores" in message


@pytest.mark.parametrize("key", ["privileged: true", "cap_add: [x]", "security_opt: [x]", "devices: [/dev/sda]"])
def test_more_rights_are_refused_by_policy(key: str) -> None:
    """No file gives an environment more than its person has."""
    assert "refused by policy" in said(environment(f"{key}\n"))


def test_a_docker_socket_is_refused_by_policy_under_any_key() -> None:
    """Also where the key is one that a later version may bring."""
    assert "refused by policy" in said(environment("volumes: [/var/run/docker.sock]\n"))
    assert "`data:` in project.yaml" in said(environment("volumes: [/data]\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python: {packages: [-r x.txt]}", "is an option"),
        ("python: {packages: [--index-url=x]}", "is an option"),
        ("python: {packages: [./local]}", "local package"),
        ("python: {packages: ['a b c']}", "is no requirement"),
        ("python: {packages: ['']}", "is no requirement"),
        ('python: {packages: ["x\\nRUN y"]}', "is no requirement"),
        ("python: {packages: ['a==1!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!x']}", "is no requirement"),
        ("python: {version: latest}", "is no version"),
        ("python: {index: ftp://x}", "is no address"),
        ("r: {packages: ['a;b']}", "no name of a CRAN package"),
        ("apt: [Foo]", "no name of a Debian package"),
        ("apt: ['a b']", "no name of a Debian package"),
        ("image: Upper/Case:1", "names of images are lower-case"),
        ("image: 'a b'", "no name of an image"),
        ("image: --privileged", "no name of an image"),
        ("preload: [pandas]", "it belongs under `kernel:`"),
        ("use: relative/python", "is no absolute path"),
        ("use: 'conda:a b'", "no name of a conda environment"),
        ("engine: podman", "expected one of auto, docker, process"),
        ("title: [a]", "expected text, found a list"),
        ("python: [a]", "expected a mapping"),
        ("apt: {a: b}", "expected a list, found a mapping"),
        ("env: [a]", "expected a mapping"),
    ],
)
def test_values_that_cannot_be_are_refused(text: str, expected: str) -> None:
    """Each with what was expected instead."""
    assert expected in said(environment(text + "\n"))


@pytest.mark.parametrize(
    "line",
    [
        "pandas",
        "pandas>=2.2,<3",
        "pandas >= 2.2, < 3",
        "pandas[excel,plot]==2.*",
        "x~=1.0; python_version < '3.12'",
        "x === 1.0",
        "x==1!2.0",
        "x (>=1.0)",
        "name @ https://example.org/x.whl",
        "name[extra] @ git+https://example.org/x@v1",
        "git+https://example.org/x",
    ],
)
def test_requirements_as_pip_spells_them_are_read(line: str) -> None:
    """PEP 508 in its usual forms."""
    spec = environment(f'python: {{packages: ["{line}"]}}\n').get()
    assert spec.python
    assert spec.python.packages == (line,)


def test_an_image_without_a_fixed_tag_is_noticed() -> None:
    """It holds, with a notice; a tag or a digest has none."""
    assert "has no tag" in str(environment("image: rocker/tidyverse\n").notices[0])
    assert "published last" in str(environment("image: localhost:5000/x:latest\n").notices[0])
    for image in ("rocker/tidyverse:4.5.2", f"x@sha256:{'0' * 64}", "127.0.0.1:5000/x:1"):
        reading = environment(f"image: {image}\n")
        assert not reading.notices
        assert reading.get().image == image


def test_what_cannot_hold_together_is_refused(tmp_path: Path) -> None:
    """Containers on the process engine, packages for an existing Python, versions of a ready image."""
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\n")
    assert "is no Python that can be run" in said(environment(f"use: {python}\n"))
    python.chmod(0o755)
    assert environment(f"use: {python}\n").get().use == str(python)
    assert "nothing can be installed" in said(environment(f"use: {python}\npython: {{packages: [x]}}\n"))
    assert "apt cannot be given" in said(environment(f"use: {python}\napt: [git]\n"))
    assert "a container does not have" in said(environment(f"use: {python}\nengine: docker\n"))
    assert "r cannot be given" in said(environment("engine: process\nr: 4.5\n"))
    assert "brings its own python" in said(environment("image: x:1\npython: 3.13\n"))


def test_extends_appends_merges_and_replaces(tmp_path: Path) -> None:
    """Lists append without repeating, mappings merge, single values replace, titles stay with their file."""
    (tmp_path / "base.yaml").write_text(
        "title: Base\nengine: process\npython: {version: 3.12, packages: [a, b]}\nenv: {A: 1, B: 1}\nlimits: {cpus: 1, pids: 50}\n"
    )
    text = "extends: base\npython: {version: 3.13, packages: [b, c]}\nenv: {B: 2}\nlimits: {cpus: 2}\nengine: auto\n"
    spec = environment(text, Shelf((tmp_path,))).get()
    assert spec.python
    assert (spec.python.version, spec.python.packages) == ("3.13", ("a", "b", "c"))
    assert spec.env == {"A": "1", "B": "2"}
    assert (spec.limits.cpus, spec.limits.pids) == (2, 50)
    assert (spec.title, spec.engine) == ("", None)


def test_a_home_wins_and_may_extend_what_it_covers(tmp_path: Path) -> None:
    """`python` of the home extends the shipped `python`; a circle is told with its way."""
    home, shipped = tmp_path / "home", tmp_path / "shipped"
    for folder in (home, shipped):
        folder.mkdir()
    (shipped / "python.yaml").write_text("python: {packages: [pandas]}\n")
    (home / "python.yaml").write_text("extends: python\npython: {packages: [polars]}\n")
    (home / "a.yaml").write_text("extends: b\n")
    (home / "b.yaml").write_text("extends: a\n")
    shelf = Shelf((home, shipped))
    assert shelf.find("python") == home / "python.yaml"
    spec = load_environment(home / "python.yaml", shelf=shelf).get()
    assert spec.python
    assert spec.python.packages == ("pandas", "polars")
    assert "a → b → a" in said(load_environment(home / "a.yaml", shelf=shelf))
    assert list(shelf.files()) == ["a", "b", "python"]


def test_a_fault_in_a_base_is_told_at_the_base(tmp_path: Path) -> None:
    """The problem has the base's file, and the environment that extends it is not read."""
    (tmp_path / "base.yaml").write_text("imge: x\n")
    (tmp_path / "top.yaml").write_text("extends: base\n")
    reading = load_environment(tmp_path / "top.yaml", shelf=Shelf((tmp_path,)))
    assert reading.value is None
    assert [problem.path.name for problem in reading.problems] == ["base.yaml"]


def test_fingerprints_follow_what_a_build_follows() -> None:
    """Limits, titles and the order of keys do not change it; packages and variables do."""
    one = environment("python: {packages: [a]}\nenv: {A: 1}\n").get().fingerprint
    same = environment("title: x\nlimits: {cpus: 1}\nenv: {A: 1}\npython: {packages: [a]}\n").get().fingerprint
    assert one == same
    assert one != environment("python: {packages: [a, b]}\nenv: {A: 1}\n").get().fingerprint
    assert one != environment("python: {packages: [a]}\nenv: {A: 2}\n").get().fingerprint


def test_names_follow_the_rule(tmp_path: Path) -> None:
    """A file whose name is no name is refused with the rule."""
    path = tmp_path / "My Env.yaml"
    path.write_text("title: x\n")
    assert "lower-case letters, digits and hyphens" in said(load_environment(path))


def test_a_schedule_has_everything_it_says() -> None:
    """Every key arrives, durations in seconds, parameters as JSON has them."""
    spec = schedule(
        """\
notebook: notebooks/report.ipynb
cron: 30 6 * * mon-fri
timezone: Europe/Berlin
parameters: {date: "${due - 1 day}", n: 3, x: 1.5, t: true, f: no, z: null, l: [1, {a: b}], id: 007, d: 2024-01-01, q: "5", h: 0x1f}
environment: sales
timeout: 1h30m
retries: 2
overlap: queue
catch_up: none
catch_up_window: 2d
enabled: false
"""
    ).get()
    assert (spec.key, spec.when, spec.timezone) == ("p/n", "30 6 * * mon-fri", "Europe/Berlin")
    assert spec.parameters == {
        "date": "${due - 1 day}",
        "n": 3,
        "x": 1.5,
        "t": True,
        "f": "no",
        "z": None,
        "l": [1, {"a": "b"}],
        "id": "007",
        "d": "2024-01-01",
        "q": "5",
        "h": 31,
    }
    assert (spec.timeout, spec.retries, spec.catch_up_window) == (5400, 2, 172800)
    assert (spec.overlap, spec.catch_up, spec.enabled) == (Overlap.QUEUE, CatchUp.NONE, False)
    assert len(spec.digest) == 64


def test_a_schedule_takes_the_zone_of_its_home() -> None:
    """Where the file names none."""
    text = "notebook: a.ipynb\nonce: 2026-01-31 06:30\n"
    assert schedule(text, timezone="Asia/Tokyo").get().timezone == "Asia/Tokyo"
    assert schedule(text).get().once == "2026-01-31 06:30"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron: 1 * * * *\n", "missing key 'notebook'"),
        ("notebook: a.ipynb\n", "no time is given"),
        ("notebook: a.ipynb\ncron: 1 * * * *\nevery: 2h\n", "<text>:3:1: cron and every: only one"),
        ('notebook: a.ipynb\ncron: "* * * *"\n', "five fields"),
        ('notebook: a.ipynb\ncron: "60 * * * *"\n', "minute"),
        ("notebook: a.ipynb\ncron: 0 0 31 2 *\n", "never comes"),
        ("notebook: a.ipynb\nonce: 2026-02-30 06:30\n", "is no time"),
        ("notebook: a.ipynb\nonce: tomorrow\n", "is no time"),
        ("notebook: a.ipynb\nonce: 9999-12-31 23:59\n", "in no year from 1970"),
        ("notebook: a.ipynb\nevery: 5\n", "has no unit: 5 of what?"),
        ("notebook: a.ipynb\nevery: 1s\n", "1m"),
        ("notebook: a.ipynb\nevery: 2h\ntimezone: EST5\n", "no time zone of the IANA"),
        ("notebook: a.ipynb\nevery: 2h\ntimezone: ../../etc/passwd\n", "no time zone of the IANA"),
        ("notebook: a.ipynb\nevery: 2h\ntimezone: berlin\n", "Europe/Berlin"),
        ("notebook: ../a.ipynb\nevery: 2h\n", "leads out of the project"),
        ("notebook: /a.ipynb\nevery: 2h\n", "leads out of the project"),
        ("notebook: a.txt\nevery: 2h\n", "is no notebook"),
        ("notebook: a.ipynb\nevery: 2h\nenabled: no\n", "expected true or false, found 'no': write false"),
        ("notebook: a.ipynb\nevery: 2h\nretries: 99\n", "at most 20"),
        ("notebook: a.ipynb\nevery: 2h\nretries: 1.5\n", "expected a whole number"),
        ("notebook: a.ipynb\nevery: 2h\noverlap: skp\n", "expected one of skip, queue, replace, allow"),
        ("notebook: a.ipynb\nevery: 2h\nafter: other\n", "not in this version yet"),
        ("notebook: a.ipynb\nevery: 2h\nparameters: [a]\n", "expected a mapping"),
        ("notebook: a.ipynb\nevery: 2h\nparameters: {a: .inf}\n", "no value of a parameter"),
        ("notebook: a.ipynb\nevery: 2h\nparameters: {a: 1e999}\n", "too large"),
        (f"notebook: a.ipynb\nevery: 2h\nparameters: {{a: {'9' * 5000}}}\n", "more than 300 digits"),
        ("notebook: a.ipynb\nevery: 2h\nenvironment: ../x\n", "no name of an environment"),
        ("notebook: a.ipynb\nevery: 2h\ntimeout: 0s\n", "out of range"),
    ],
)
def test_schedules_that_cannot_hold_say_why(text: str, expected: str) -> None:
    """Times, zones, paths and words are checked where they are read."""
    assert expected in said(schedule(text))


def test_a_schedule_names_a_file_of_its_project() -> None:
    """`./environment.yaml` becomes the project's own environment."""
    assert schedule("notebook: a.ipynb\nevery: 2h\nenvironment: ./env/x.yaml\n").get().environment == "p/env/x.yaml"


def test_settings_and_what_holds_without_them(tmp_path: Path) -> None:
    """A missing file says nothing; every key arrives."""
    assert load_settings(tmp_path / "workbench.yaml").get().engine == "auto"
    found = load_settings(
        "timezone: Europe/Berlin\nengine: process\nconcurrency: 3\nrun_timeout: 2h\ndefault_environment: sales\n"
        "registries: {docker.io: '127.0.0.1:5000'}\npackage_index: https://x.example/simple\n"
    ).get()
    assert (found.timezone, found.engine, found.concurrency) == ("Europe/Berlin", "process", 3)
    assert (found.run_timeout, found.default_environment) == (7200, "sales")
    assert found.registries == {"docker.io": "127.0.0.1:5000"}
    assert "'allow_tcp_kernels' is not in this version yet" in said(load_settings("allow_tcp_kernels: true\n"))


def test_a_bad_line_in_settings_leaves_the_others_standing() -> None:
    """The value has what is sound, the problems say the rest."""
    reading = load_settings("timezone: Nowhere\nconcurrency: 3\nregistries:\n  a: [x]\nengine: process\nmail: x\n")
    assert reading.value
    assert (reading.value.concurrency, reading.value.engine, reading.value.timezone) == (3, "process", None)
    assert reading.value.registries == {}
    assert [problem.line for problem in reading.problems] == [1, 4, 6]


def test_settings_that_are_no_yaml_leave_defaults() -> None:
    """A syntax error is a problem, and the program goes on with what holds by itself."""
    reading = load_settings("engine: [\n")
    assert reading.value
    assert reading.value.engine == "auto"
    assert reading.problems


KEYS = st.sampled_from(
    [*ScheduleKeys.model_fields, *EnvironmentKeys.model_fields, *SettingsKeys.model_fields, "unknown"]
)
VALUES = st.recursive(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12).map(lambda s: f"'{s}'")
    | st.sampled_from(["no", "3.10", "4G", "1e9", "@x", "", "null", "*/5", "9" * 400, "/", "..", "\\", ".5", "-1"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"
        )
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_mapping_is_a_value_or_problems(data: dict[str, str]) -> None:
    """No kind answers a text with anything but a value, or problems that have their places."""
    text = "".join(f"{key}: {value}\n" for key, value in data.items())
    readings: list[Reading[object]] = [environment(text), schedule(text), load_settings(text)]  # type: ignore[list-item]
    for reading in readings:
        assert reading.value is not None or reading.problems
        assert all(str(problem) for problem in reading.problems)
