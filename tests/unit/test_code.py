"""Which files of its project a run sees: live, frozen, or of a commit; nothing of the person's repository is touched."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from code_home import bench, notebook, project
from repositories import git, repository
from schedule_world import World

from workbench.declare import load_schedule
from workbench.errors import NotFound, Refused, WorkbenchError
from workbench.model.code import AS_IT_IS, Code, code
from workbench.model.environment import EngineName
from workbench.model.project import Project
from workbench.model.run import Request
from workbench.model.schedule import DueState
from workbench.services import foresight, projects, runs, schedules
from workbench.services.asking import checking
from workbench.services.bench import Bench
from workbench.services.code import commits, seen, trees
from workbench.store import contained

__all__ = ["bench", "project"]


def asked(
    bench: Bench, what: str, *, notebook: str = "notebooks/report.ipynb", **more: Any
) -> tuple[int, dict[str, Any]]:
    """A run that was asked for, and what its record says of its code."""
    number = runs.submit(bench, Request("churn", notebook, code=code(what, **more)))
    return number, runs.noted(bench, number)


def files_of(bench: Bench, record: dict[str, Any]) -> Path:
    """The files that a container would be shown."""
    return trees.shown(bench, record["code"]["tree"])


def state_of(folder: Path) -> dict[str, bytes]:
    """Everything in a folder that the person's git would see change."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_commits_files_stand_in_the_projects_place(bench: Bench, project: Project) -> None:
    """The notebook and its modules are those of the ref, `data` and `runs` are the project's own, and the person's
    repository is to the byte as it was."""
    (project.path / "notebooks/helper.py").write_text("VALUE = 'second'\n")
    (project.path / "notebooks/report.ipynb").write_text(notebook("later"))
    before = state_of(project.path)
    number, record = asked(bench, "v1")
    files = files_of(bench, record)
    assert (files / "notebooks/helper.py").read_text() == "VALUE = 'first'\n"
    assert os.access(files / "tool.sh", os.X_OK)
    assert list((files / "data").iterdir()) == []
    assert "import helper" in (bench.home.run_folder(number) / "input.ipynb").read_text()
    assert record["git_commit"] == record["code"]["commit"]
    assert (record["git_branch"], record["git_dirty"]) == ("v1", False)
    view = seen.place(bench, project, "notebooks/report.ipynb", record, EngineName.PROCESS, "1.1")
    assert (view.cwd / "helper.py").read_text() == "VALUE = 'first'\n"
    assert (view.root / "data/committed.csv").read_text() == "not code\n"
    assert (view.root / "runs").readlink() == project.path / "runs"
    assert state_of(project.path) == before
    shown = seen.place(bench, project, "notebooks/report.ipynb", record, EngineName.DOCKER, "1.1")
    assert (shown.cwd, shown.tree) == (project.path / "notebooks", files)


def test_frozen_code_is_as_it_was_when_it_was_asked_for(bench: Bench, project: Project) -> None:
    """Uncommitted and untracked files are in it, ignored ones and data are not, and later edits are not seen."""
    (project.path / ".gitignore").write_text("secret.env\n")
    (project.path / "secret.env").write_text("x")
    (project.path / "notebooks/new.py").write_text("NEW = 1\n")
    (project.path / "notebooks/helper.py").write_text("VALUE = 'edited'\n")
    (project.path / "notebooks/link.py").symlink_to("helper.py")
    before = state_of(project.path)
    _, record = asked(bench, "frozen")
    assert state_of(project.path) == before
    (project.path / "notebooks/helper.py").write_text("VALUE = 'later'\n")
    files = files_of(bench, record)
    assert (files / "notebooks/helper.py").read_text() == "VALUE = 'edited'\n"
    assert (files / "notebooks/link.py").read_text() == "VALUE = 'edited'\n"
    assert (files / "notebooks/new.py").exists()
    assert not (files / "secret.env").exists()
    assert not (files / "data/committed.csv").exists()
    assert record["git_dirty"] is True


def test_frozen_code_without_a_repository_is_a_copy_of_what_is_no_data(bench: Bench) -> None:
    """A plain folder is copied but for data, runs, environments and what .dockerignore names; too much is refused."""
    plain = bench.home.projects / "plain"
    for name, text in {
        "a.ipynb": notebook("1"),
        "m.py": "1",
        "data/x": "2",
        "big.bin": "3",
        ".dockerignore": "big.bin",
    }.items():
        (plain / name).parent.mkdir(exist_ok=True, parents=True)
        (plain / name).write_text(text)
    number = runs.submit(bench, Request("plain", "a.ipynb", code=code("frozen")))
    files = files_of(bench, runs.noted(bench, number))
    assert {path.name for path in files.iterdir()} == {"a.ipynb", "m.py", ".dockerignore", "data", "runs"}
    with (plain / "huge.parquet").open("wb") as file:
        file.truncate(trees.MOST_BYTES + 1)
    with pytest.raises(Refused, match="would be kept") as caught:
        runs.submit(bench, Request("plain", "a.ipynb", code=code("frozen")))
    assert "data/" in caught.value.hint


def test_what_is_seen_is_shared_kept_as_it_was_and_removed(bench: Bench, project: Project) -> None:
    """Runs of one commit share its files; files that another changed are found out, made anew for the next and refused
    for the run they were for; what no run needs goes."""
    _, first = asked(bench, "v1")
    _, second = asked(bench, "v1")
    tree = first["code"]["tree"]
    assert second["code"]["tree"] == tree
    assert not os.access(files_of(bench, first), os.W_OK) or os.getuid() == 0
    helper = bench.home.code / "trees" / tree / "files/notebooks/helper.py"
    helper.chmod(0o644)
    helper.write_text("VALUE = 'forged'\n")
    with pytest.raises(Refused, match="gone or were changed"):
        seen.place(bench, project, "notebooks/report.ipynb", first, EngineName.DOCKER, "1.1")
    _, third = asked(bench, "v1")
    assert third["code"]["tree"] != tree
    assert (files_of(bench, third) / "notebooks/helper.py").read_text() == "VALUE = 'first'\n"
    seen.place(bench, project, "notebooks/report.ipynb", third, EngineName.PROCESS, "3.1")
    assert trees.sweep(bench, {third["code"]["tree"]}, {"3.1"}) == 0  # the other is new: somebody may be asking for it
    os.utime(bench.home.code / "trees" / tree, (0, 0))
    assert trees.sweep(bench, {third["code"]["tree"]}, set()) == 1
    kept = bench.home.code / "trees" / third["code"]["tree"]
    mirrors = bench.home.code / "repositories"
    commits.sweep(bench, [project])
    assert len(list(mirrors.iterdir())) == 1
    commits.sweep(bench, [])
    assert list(mirrors.iterdir()) == []
    assert list((kept / "views").iterdir()) == []
    assert (kept / "files/notebooks/helper.py").exists()


def test_a_ref_that_is_not_there_is_told_before_it_is_due(bench: Bench, project: Project) -> None:
    """`run`, `schedules add` and `check` name it; a notebook that the commit does not hold too. Nothing is queued."""
    with pytest.raises(Refused, match="no branch, tag or commit nowhere"):
        asked(bench, "nowhere")
    with pytest.raises(NotFound, match=r"other\.ipynb of v1"):
        asked(bench, "v1", notebook="notebooks/other.ipynb")
    assert runs.page(bench) == []
    (project.path / "schedules").mkdir()
    (project.path / "schedules/night.yaml").write_text(
        "notebook: notebooks/report.ipynb\ncron: '0 3 * * *'\ntimezone: UTC\ncode: nowhere\n"
    )
    assert any("nowhere" in str(problem) for problem in foresight.problems(bench))
    plain = bench.home.projects / "plain"
    plain.mkdir()
    (plain / "a.ipynb").write_text(notebook("1"))
    with pytest.raises(Refused, match="in no git repository"):
        runs.submit(bench, Request("plain", "a.ipynb", code=code("main")))


@pytest.mark.parametrize("said", ["--upload-pack=x", "a b", "a..b", "HEAD:notebooks", "", "x.lock", "a\nb", "*"])
def test_what_is_no_ref_is_refused_before_git_sees_it(said: str) -> None:
    """Options, ranges, paths and patterns are none."""
    with pytest.raises(Refused):
        code(said)


def test_a_schedule_says_it_in_a_word_or_with_fetch() -> None:
    """`live`, `frozen`, a ref, a commit of digits, and `{ref, fetch}`; live code is not fetched."""

    def read(said: str) -> Code | None:
        found = load_schedule(f"notebook: a.ipynb\nevery: 1h\ncode: {said}\n", project="churn", name="x")
        return found.value.code if found.value else None

    assert read("live") == AS_IT_IS
    assert read("main") == Code("main")
    assert read("1234567") == Code("1234567")
    assert read("{ref: v1, fetch: true}") == Code("v1", fetch=True)
    assert read("{ref: frozen, fetch: true}") is None
    assert read("-x") is None


def elsewhere(bench: Bench, project: Project, tmp_path: Path) -> Path:
    """A bare repository that is the project's remote, and has the project's commit."""
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(project.path), str(remote)], check=True, capture_output=True)
    git(project.path, "remote", "add", "origin", str(remote))
    return remote


def pushed(remote: Path, tmp_path: Path, text: str) -> str:
    """A commit with other modules that somebody else pushed."""
    other = tmp_path / f"other-{text}"
    subprocess.run(["git", "clone", "-q", str(remote), str(other)], check=True, capture_output=True)
    (other / "notebooks/helper.py").write_text(f"VALUE = '{text}'\n")
    git(other, "commit", "-qam", text)
    git(other, "push", "-q", "origin", "main")
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=other, check=True, capture_output=True, text=True)
    return said.stdout.strip()


def test_a_ref_is_fetched_and_the_last_good_one_used_where_that_fails(
    bench: Bench, project: Project, tmp_path: Path
) -> None:
    """What others pushed is seen without a pull; where the remote is away the commit fetched last is, and both the record
    and `runs show` say so. The person's own branches do not move."""
    remote = elsewhere(bench, project, tmp_path)
    newest = pushed(remote, tmp_path, "theirs")
    before = state_of(project.path / ".git")
    _, record = asked(bench, "main", fetch=True)
    assert record["code"]["commit"] == newest
    assert (files_of(bench, record) / "notebooks/helper.py").read_text() == "VALUE = 'theirs'\n"
    assert state_of(project.path / ".git") == before
    remote.rename(tmp_path / "away.git")
    _, record = asked(bench, "main", fetch=True)
    assert record["code"]["commit"] == newest
    assert "remote.git" in record["code"]["problem"]
    assert "as last fetched" in seen.words(record)
    with pytest.raises(Refused, match="no branch, tag or commit never"):
        asked(bench, "never", fetch=True)


def test_git_starts_nothing_that_a_repository_names(bench: Bench, project: Project, tmp_path: Path) -> None:
    """Hooks, filters, watchers, upload-pack and ssh commands of the project's own settings are not run on the host."""
    remote = elsewhere(bench, project, tmp_path)
    pushed(remote, tmp_path, "theirs")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nexec cat\n")
    trap.chmod(0o755)
    (project.path / ".gitattributes").write_text("* filter=trap\n")
    git(project.path, "add", ".gitattributes")
    git(project.path, "commit", "-qm", "attributes")
    for name in ("filter.trap.smudge", "filter.trap.clean", "filter.trap.process", "core.fsmonitor", "core.sshCommand",
                 "remote.origin.uploadpack", "core.pager", "core.alternateRefsCommand"):  # fmt: skip
        git(project.path, "config", name, str(trap))
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        place = project.path / ".git/hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(trap.read_text())
        place.chmod(0o755)
    (tmp_path / "sprung").unlink(missing_ok=True)
    for what, fetch in (("main", False), ("frozen", False), ("main", True)):
        asked(bench, what, fetch=fetch)
    assert not (tmp_path / "sprung").exists()


def test_code_in_a_container_cannot_have_another_repository_shown(
    bench: Bench, project: Project, tmp_path: Path
) -> None:
    """Where containers write in a project, its repository may not lead out of it: by a file, a link, borrowed objects, or a
    remote that is a folder of this machine."""
    secret = repository(tmp_path / "secret", {"notebooks/report.ipynb": notebook("1"), "notebooks/helper.py": "s"})
    with bench.store.write() as connection:
        contained.note(connection, "churn", "", named=False, at=datetime.now(UTC), actor=bench.actor)
    asked(bench, "main")
    git(project.path, "remote", "add", "origin", str(secret))
    assert "a folder of this machine" in commits.fetch(bench, project)
    refs = project.path / ".git/refs"
    refs.rename(tmp_path / "refs")
    refs.symlink_to(secret / ".git/refs")
    with pytest.raises(Refused, match="leads out of the project"):
        asked(bench, "main")
    refs.unlink()
    (tmp_path / "refs").rename(refs)
    (project.path / ".git/objects/info").mkdir(exist_ok=True)
    (project.path / ".git/objects/info/alternates").write_text(str(secret / ".git/objects"))
    with pytest.raises(Refused, match="leads out of the project"):
        asked(bench, "main")
    (project.path / ".git").rename(tmp_path / "git")
    (project.path / ".git").write_text(f"gitdir: {secret / '.git'}\n")
    with pytest.raises(WorkbenchError, match="leads out of the project"):
        asked(bench, "main")


def test_again_sees_what_it_is_asked_to_see(bench: Bench, project: Project) -> None:
    """A run of a branch that is asked for again is of that branch as it is then; a sweep shares its files."""
    number, record = asked(bench, "main")
    (project.path / "notebooks/helper.py").write_text("VALUE = 'next'\n")
    git(project.path, "commit", "-qam", "next")
    again = runs.noted(bench, runs.again(bench, number))
    assert again["code"]["what"] == "main"
    assert again["code"]["commit"] != record["code"]["commit"]


def test_what_is_only_looked_at_keeps_nothing(bench: Bench) -> None:
    """Checking ahead writes no files, and a request that is refused leaves none."""
    checking.check(bench, Request("churn", "notebooks/report.ipynb", code=code("v1")), ahead=True)
    with pytest.raises(Refused):
        runs.submit(bench, Request("churn", "notebooks/report.ipynb", parameters={"x": 1}, code=code("v1")))
    folder = bench.home.code / "trees"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_due_time_waits_for_its_remote_and_no_other_does(bench: Bench, project: Project, tmp_path: Path) -> None:
    """The supervisor asks in a thread, once for all that is due, and goes on when it has its answer."""
    from waiting import until

    from workbench.supervisor.desk import Desk
    from workbench.supervisor.due.fetches import Fetches

    remote = elsewhere(bench, project, tmp_path)
    newest = pushed(remote, tmp_path, "theirs")
    spec = load_schedule(
        "notebook: notebooks/report.ipynb\nevery: 1h\ncode: {ref: main, fetch: true}\n", project="churn", name="x"
    ).get()
    live = load_schedule("notebook: notebooks/report.ipynb\nevery: 1h\n", project="churn", name="y").get()
    fetches = Fetches(Desk(bench, lambda: None, bench.home.wake_socket))
    now = bench.now()
    assert not fetches.holds(live, now, now)
    fetches.holds(spec, now, now)
    until(lambda: not fetches.holds(spec, now, bench.now()), "the remote's answer")
    assert fetches.not_before(spec, now) == now
    found = commits.commit(bench, project, spec.code.after_fetch)
    assert (found.id, found.problem) == (newest, "")
    remote.rename(tmp_path / "away.git")
    later = now + timedelta(hours=1)
    until(lambda: not fetches.holds(spec, later, later + timedelta(seconds=1)), "the next answer")
    assert "away" not in commits.commit(bench, project, spec.code.after_fetch).problem != ""


def test_schedules_fire_with_the_code_of_their_time(world: World, tmp_path: Path) -> None:
    """`frozen` is as it was when due, and a fetched branch has what was pushed before; an edit afterwards is not seen. Where
    the remote is away it fires all the same, in time, with the commit fetched last."""
    from waiting import until

    bench = world.bench
    project = projects.get(bench, "p")
    git(project.path, "checkout", "-qB", "main")
    (project.path / "notebooks/helper.py").write_text("VALUE = 'first'\n")
    git(project.path, "add", "--all")
    git(project.path, "commit", "-qm", "first")
    remote = elsewhere(bench, project, tmp_path)
    world.write("frozen", cron="0 * * * *", code="frozen")
    world.write("main", cron="0 * * * *", code={"ref": "main", "fetch": True})
    world.at(world.now)
    newest = pushed(remote, tmp_path, "theirs")
    (project.path / "notebooks/helper.py").write_text("VALUE = 'edited'\n")

    def fired(key: str, hour: int) -> int | None:
        world.now += timedelta(milliseconds=300)  # our clock stands still
        world.part.look(woken=True)
        return next((row.run for row in schedules.ledger(bench, key, limit=1) if row.due.hour == hour), None)

    def due(hour: int) -> dict[str, Any]:
        world.at(world.now.replace(hour=hour, minute=0, second=1))
        found = {}
        for key in ("p/frozen", "p/main"):
            number = int(until(lambda key=key: fired(key, hour), f"{key} to fire"))
            until(lambda number=number: seen.tree_of(runs.noted(bench, number)), "its files to be kept")
            found[key] = runs.noted(bench, number)
            world.end(number)
        return found

    found = due(11)
    (project.path / "notebooks/helper.py").write_text("VALUE = 'later'\n")
    assert (files_of(bench, found["p/frozen"]) / "notebooks/helper.py").read_text() == "VALUE = 'edited'\n"
    assert (found["p/main"]["code"]["commit"], found["p/main"]["code"]["problem"]) == (newest, "")
    remote.rename(tmp_path / "away.git")
    found = due(12)
    assert found["p/main"]["code"]["commit"] == newest
    assert "does not appear" in found["p/main"]["code"]["problem"]
    assert [state for _, state in world.ledger("p/main")] == [DueState.FIRED, DueState.FIRED]


def test_an_address_with_a_password_is_in_no_message_and_no_argument(bench: Bench, project: Project) -> None:
    """It goes to git by a private file, and what git says is told without it."""
    git(project.path, "remote", "add", "origin", "http://ann:hunter2-hunter2@127.0.0.1:9/x.git")
    problem = commits.fetch(bench, project)
    assert problem
    assert "hunter2" not in problem
    mirror = next((bench.home.code / "repositories").iterdir())
    assert "hunter2" in (mirror / "remote").read_text()
    assert (bench.home.state.stat().st_mode & 0o077) == 0
