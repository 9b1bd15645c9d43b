"""The disk over a real engine and supervisor: what a dry run says goes, goes, and nothing else does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from containers import LABEL, built, declare
from docker import APIClient
from docker.errors import ImageNotFound
from images.registry import small
from waiting import until
from world import PROJECT, ended, notebook

from workbench.model.disk import Policy, Report
from workbench.model.environment import Revision
from workbench.model.run import Request
from workbench.services import disk, runs
from workbench.services.bench import Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
NAME = "test-pruned"


def workbench(bench: Bench, *words: str) -> Any:
    """What a command answers, as JSON."""
    argv = [sys.executable, "-m", "workbench", "--home", bench.home.root, *words, "--json"]
    return json.loads(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)


def revision(bench: Bench, base: Revision, number: int) -> Revision:
    """A further revision of an environment on a ready image."""
    declare(bench, NAME, f"image: {base.reference}\nenv: {{NUMBER: '{bench.home.id} {number}'}}\n")
    return built(bench, NAME)


def there(engine: APIClient, made: Revision) -> bool:
    """Whether the engine has it."""
    try:
        engine.inspect_image(made.digest)
    except ImageNotFound:
        return False
    return True


def of(report: Report, name: str) -> dict[str, str]:
    """Why each revision of an environment stays, by its id; empty where it may go."""
    return {entry.revision: entry.stays for entry in report.entries if entry.environment == name}


def test_a_dry_run_says_what_goes_and_just_that_goes(lab: Bench, engine: APIClient) -> None:
    """The active revision, the one before it and what a run was given stay; what is older goes with what projects and
    builds have left behind, and its bytes are told. Another home's images are nothing to it."""
    base = built(lab, "python")
    made = [revision(lab, base, number) for number in range(4)]
    left = lab.home.state / "homes" / "a-project-that-is-gone"
    (left / ".cache").mkdir(parents=True)
    (left / ".cache" / "big").write_bytes(b"x" * 300_000)
    broken = lab.home.environment_folder("never-built") / ("0" * 16)
    broken.mkdir(parents=True)
    (broken / "Dockerfile").write_text("FROM nowhere\n")
    foreign = small(engine, f"workbench-tests/foreign:{lab.home.id}")
    before = workbench(lab, "disk")
    assert before["folders"]["build logs"] > 0
    planned = workbench(lab, "prune", "--dry-run")
    assert all(there(engine, one) for one in made)
    assert left.exists()
    going = {(entry["kind"], entry["id"]) for entry in planned["entries"]}
    assert going == {
        ("revision", made[0].digest),
        ("revision", made[1].digest),
        ("home", str(left)),
        ("leftover", str(broken)),
    }
    assert 300_000 <= planned["freed"] < 400_000
    done = workbench(lab, "prune", "--yes")
    assert {(entry["kind"], entry["id"]) for entry in done["entries"]} == going
    assert done["freed"] == planned["freed"]
    assert done["problems"] == []
    assert [there(engine, one) for one in made] == [False, False, True, True]
    assert not left.exists()
    assert not broken.exists()
    engine.remove_image(foreign)  # it is still there
    assert there(engine, base)
    assert workbench(lab, "prune", "--dry-run")["entries"] == []
    run = runs.submit(lab, Request(PROJECT, notebook(lab, "still.ipynb", "print(1)"), environment=NAME))
    done_run = ended(lab, run)
    assert done_run.ended_well, done_run.reason
    kernels = {"label": [f"{LABEL}home={lab.home.id}", f"{LABEL}run"]}
    until(lambda: not engine.containers(all=True, filters=kernels), "the end of its kernel, which uses an image")


def test_what_came_into_use_after_the_plan_stays(lab: Bench, engine: APIClient) -> None:
    """A plan is looked at again before anything goes: a container that was made meanwhile keeps its image, and that is told."""
    base = built(lab, "python")
    old, _ = revision(lab, base, 10), revision(lab, base, 11)
    plan = disk.plan(lab, Policy(keep=0, environment=NAME))
    assert of(disk.report(lab, plan), NAME)[old.id] == ""
    other = engine.create_container(old.digest, labels={f"{LABEL}tests": "yes"})["Id"]
    try:
        done = disk.report(lab, disk.prune(lab, plan))
        assert old.digest not in {entry.id for entry in done.entries}
        assert any(old.id in problem and "used" in problem for problem in done.problems)
        assert there(engine, old)
    finally:
        engine.remove_container(other)
    workbench(lab, "environments", "remove", NAME, "--prune", "--yes")
    assert not there(engine, old)
    assert not [entry for entry in disk.report(lab, disk.measure(lab)).entries if NAME in entry.name]
