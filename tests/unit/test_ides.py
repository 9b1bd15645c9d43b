"""IDEs as data: what their files say, which of them a project has, and which app of it is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import IDES, shipped_ide

from workbench.cli.program import run
from workbench.declare import load_environment, load_ide
from workbench.engines.folders import drop_sockets, socket_folder
from workbench.engines.tool import Place
from workbench.errors import Conflict, NotFound, Refused
from workbench.model.environment import EnvironmentSpec, PythonPart
from workbench.model.ide import PLACEHOLDERS, SignIn, UserRule
from workbench.paths import tool_socket
from workbench.services import environments, ides, projects, sessions
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control

DASH = 'title: Dash\ncommand: [python, "{project}/dash.py", "{host}:{port}"]\n'
PLACE = Place(**{name: f"<{name}>" for name in PLACEHOLDERS})


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home with a project; asking starts no supervisor here."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    opened = open_bench(tmp_path / "home")
    projects.create(opened, "churn")
    yield opened
    opened.close()


def declare(bench: Bench, name: str, text: str = DASH, *, project: str = "") -> None:
    """Declare an IDE in the home or in a project."""
    folder = projects.get(bench, project).path / "ides" if project else bench.home.ides
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def app(bench: Bench, *names: str) -> None:
    """Files of the project."""
    for name in names:
        path = projects.get(bench, "churn").path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


@pytest.mark.parametrize("name", IDES.files())
def test_shipped_ides_are_read(name: str) -> None:
    """Each has a title and a sentence; those without a login are reached over a socket or a relay, never by themselves;
    none but those of ready images can do without something installed."""
    ide = load_ide(IDES.files()[name]).get()
    assert ide.title
    assert ide.description
    assert ide.needs or not ide.installable
    assert ide.sign_in is not SignIn.FRONT or ide.listens_on_socket or ide.engines == ("docker",)
    assert IDES.files()[name].read_text().startswith("# yaml-language-server: $schema=../schemas/ide.schema.json\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: x\n", "<text>:1:1: missing key 'command'"),
        ('title: x\ncommand: [x, "{host}:{porrt}"]\n', "unknown placeholder {porrt}: did you mean {port}?"),
        ("title: x\ncommand: [x]\n", "<text>:2:10: neither {port} nor {socket} is in the command"),
        ('title: x\ncommand: [x, "{port}"]\n', "{port} without {host}"),
        (f"{DASH}port: 80\n", "<text>:3:7: '80' is no port: a number from 1024 to 65535"),
        (f"{DASH}sign_in: token-file\n", "token-file, but {token_file} is nowhere"),
        (f"{DASH}sign_in: form\n", "a form needs to know its `login:`"),
        (f"{DASH}sign_in: {{how: front, protocol: rstudio}}\n", "`protocol:` is for a form"),
        (f"{DASH}sign_in: {{how: form, login: me, protocol: x}}\n", "expected one of rstudio, found 'x'"),
        (f"{DASH}sign_in: none\n", "expected one of token-file, form, front, found 'none'"),
        ('title: x\ncommand: [x, "{socket}"]\nsign_in: {how: form, login: me}\n', "reached through our front alone"),
        (f"{DASH}user: root\n", "`user: root` is for containers"),
        (f"{DASH}own: [../x]\n", "'../x' is no folder below the home"),
        (f"{DASH}path: lab\n", "'lab' is no path of an address"),
        (f"{DASH}comand: [x]\n", "unknown key 'comand': did you mean 'command'?"),
        (f"{DASH}needs: {{python: ['-e .']}}\n", "-e ."),
        (f"{DASH}privileged: true\n", "'privileged' is refused by policy"),
    ],
)
def test_what_cannot_be_an_ide_is_told_with_its_place(text: str, told: str) -> None:
    """Each fault names what is wrong and what would be right."""
    reading = load_ide(text, name="dash")
    assert reading.value is None
    assert any(told in str(problem) for problem in reading.problems), [str(one) for one in reading.problems]


def test_a_short_file_says_the_rest_by_itself() -> None:
    """Our front stands before it, it works on both engines, and its first word is the program it is known by."""
    ide = load_ide(DASH, name="dash").get()
    assert (ide.sign_in, ide.engines, ide.program) == (SignIn.FRONT, ("docker", "process"), "python")
    assert not ide.takes_file
    assert ide.path_for("a b.ipynb") == "/"
    assert shipped_ide("jupyter").path_for("a b/c.ipynb") == "/lab/tree/a%20b/c.ipynb"


@given(st.text())
def test_only_placeholders_are_replaced(text: str) -> None:
    """Braces of other languages stay as they are."""
    filled = PLACE.fill(f"{{{{{text}}}}} {{port}} {{'a': 1}}")
    assert filled.endswith("<port> {'a': 1}")
    if not any(f"{{{name}}}" in text for name in PLACEHOLDERS) and text not in PLACEHOLDERS:
        assert text in filled


def test_what_an_ide_needs_shapes_the_environment() -> None:
    """Another need is another build; another command, or anything on a ready image, is not."""
    streamlit = shipped_ide("streamlit")
    spec = EnvironmentSpec("x", python=PythonPart(), ides=("streamlit",), tools=(streamlit,))
    assert "streamlit" in str(spec.needs.python)
    other = replace(streamlit, needs=replace(streamlit.needs, python=("streamlit==1.60",)))
    assert replace(spec, tools=(other,)).fingerprint != spec.fingerprint
    assert replace(spec, tools=(replace(streamlit, command=("x", "{socket}")),)).fingerprint == spec.fingerprint
    assert not replace(spec, image="debian:13").needs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ides: [rstudio]\n", "RStudio cannot be installed by workbench: name a ready `image:`"),
        ("ides: [shiny]\n", "Shiny for R needs R: add `r: {}`"),
        ("engine: process\nides: [code-server]\nimage: x/y:1\n", "code-server does not work on engine process"),
        ("ides: [rstudo]\n", "1:8: unknown IDE 'rstudo': did you mean 'rstudio'?"),
    ],
)
def test_environments_list_what_they_can_have(bench: Bench, text: str, told: str) -> None:
    """What no image or venv of it could have is said where it is written."""
    (bench.home.environments / "x.yaml").write_text(text)
    found = [str(problem) for problem in environments.problems(bench)]
    assert any(told in one for one in found), found


def test_a_home_has_its_own_and_wins(bench: Bench) -> None:
    """A file in the home's `ides` is one more, or stands for a shipped one; a broken one hides no other, and `check`
    says where it is wrong."""
    declare(bench, "dash")
    declare(bench, "voila", DASH.replace("Dash", "My own"))
    declare(bench, "broken", "titel: x\n")
    known = {view.name: view for view in ides.listing(bench)}
    assert known["voila"].ide
    assert (known["voila"].ide.title, known["voila"].shipped, known["dash"].shipped) == ("My own", False, False)
    assert known["jupyter"].shipped
    assert known["broken"].ide is None
    assert str(ides.problems(bench)[0]).startswith("ides/broken.yaml:1:1: ")
    with pytest.raises(NotFound, match="strealit"):
        ides.named(bench, "strealit")


def test_a_projects_own_are_for_it_alone(bench: Bench) -> None:
    """A plain command of the project can be started without its environment naming it; it replaces nothing of the home
    or of what ships, and is never root."""
    declare(bench, "dash", project="churn")
    declare(bench, "jupyter", DASH, project="churn")
    declare(bench, "boss", f"{DASH}engines: [docker]\nuser: root\n", project="churn")
    churn = projects.get(bench, "churn")
    spec = environments.for_project(bench, churn)
    assert [tool.name for tool in ides.offered(bench, churn, spec)] == ["jupyter", "dash"]
    number = sessions.start(bench, "churn", "dash")
    session = sessions.get(bench, number)
    assert ides.of_session(bench, session).title == "Dash"
    assert ides.named(bench, "jupyter", "churn").title == "JupyterLab"
    with pytest.raises(Refused, match="wants to be root"):
        sessions.start(bench, "churn", "boss")
    projects.create(bench, "other")
    with pytest.raises(NotFound):
        sessions.start(bench, "other", "dash")


def test_how_an_environment_has_another_one(tmp_path: Path) -> None:
    """In its declaration; standard files cannot say it, so that what to write instead is told, and is what it says."""
    spec = EnvironmentSpec("own", ides=("jupyter",))
    assert ides.how_to_have(spec, "jupyter", "voila") == "Add it to its declaration: ides: [jupyter, voila]"
    read = replace(spec, read=(tmp_path / "requirements.txt",))
    told = ides.how_to_have(read, "voila")
    assert (
        "write environment.yaml in the project with `ides: [voila]` and `python: {requirements: requirements.txt}`"
        in told
    )
    (tmp_path / "requirements.txt").write_text("six\n")
    (tmp_path / "environment.yaml").write_text("ides: [voila]\npython: {requirements: requirements.txt}\n")
    assert load_environment(tmp_path / "environment.yaml").get().ides == ("voila",)


def test_the_app_that_is_meant(bench: Bench) -> None:
    """The one that is there, the likeliest of several of different kinds, the one before, the one that is named; none and
    alike ones are refused with what to do."""
    (bench.home.environments / "apps.yaml").write_text("python: {}\nides: [streamlit, jupyter]\n")
    (projects.get(bench, "churn").path / "project.yaml").write_text("environment: apps\n")
    with pytest.raises(Refused, match=r"there is no streamlit_app.py or app.py in churn") as none:
        sessions.start(bench, "churn")
    assert none.value.hint == "Name it: workbench open FILE --ide streamlit"
    app(bench, "one/app.py", "two/app.py", "runs/x/app.py", ".hidden/app.py")
    with pytest.raises(Refused, match=r"several files that Streamlit could run: one/app.py, two/app.py"):
        sessions.start(bench, "churn")
    app(bench, "app.py", "streamlit_app.py", "mine.py", "notes.ipynb")
    number = sessions.start(bench, "churn")
    assert sessions.get(bench, number).file == "streamlit_app.py"
    assert sessions.start(bench, "churn", file="mine.py") == number
    assert (sessions.get(bench, number).file, sessions.get(bench, number).generation) == ("mine.py", 2)
    assert sessions.start(bench, "churn") == number
    assert (sessions.get(bench, number).file, sessions.get(bench, number).generation) == ("mine.py", 2)
    notes = sessions.get(bench, sessions.start(bench, "churn", file="notes.ipynb"))
    assert (notes.ide, notes.name) == ("jupyter", "churn-jupyter")
    with pytest.raises(Refused, match="has no Voilà"):
        sessions.start(bench, "churn", "voila")
    with pytest.raises(Conflict):
        sessions.start(bench, "churn", "jupyter", name="churn-streamlit")


def test_several_of_one_kind(bench: Bench) -> None:
    """Two sessions of one project and tool are two, by their names."""
    first, second = sessions.start(bench, "churn"), sessions.start(bench, "churn", name="churn-two")
    assert first != second
    assert {session.name for session in sessions.listing(bench)} == {"churn-jupyter", "churn-two"}


def test_the_command_line_shows_them(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A list, one in full, and both as JSON."""
    home = ("--home", str(bench.home.root))
    assert run([*home, "ides"]) == 0
    assert "Shiny for Python" in capsys.readouterr().out
    assert run([*home, "ides", "show", "shiny-python", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["sign_in"], shown["needs"]["python"]) == ("shiny-python", "front", ["shiny>=1"])
    assert run([*home, "ides", "list", "--project", "churn", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["jupyter"]
    assert run([*home, "ides", "show", "rstudio"]) == 0
    assert "a ready image that has it" in capsys.readouterr().out
    assert shipped_ide("rstudio").user is UserRule.ROOT


def test_an_ide_is_edited_as_other_declarations_are(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`edit ides/NAME` makes a copy of a shipped one in the home, checked when the editor is closed."""
    monkeypatch.setenv("EDITOR", "sed -i s/marimo/mareemo/")
    assert run(["--home", str(bench.home.root), "edit", "ides/marimo"]) == 0
    assert ides.named(bench, "marimo").title == "mareemo"
    assert "schemas/ide.schema.json" in (bench.home.ides / "marimo.yaml").read_text()
    monkeypatch.setenv("EDITOR", "sed -i s/title:/titel:/")
    assert run(["--home", str(bench.home.root), "edit", "ides/marimo"]) == 1
    assert "did you mean 'title'?" in capsys.readouterr().out


def test_sockets_have_a_short_path(bench: Bench, tmp_path: Path) -> None:
    """Where a session's folder is too deep for unix(7), its sockets lie in a short private one, which goes with it."""
    near, far = tmp_path / "1", tmp_path / ("x" * 90) / "2"
    for folder in (near, far):
        folder.mkdir(parents=True)
        short = socket_folder(bench.home, folder / "front", 9)
        assert len(str(short / "tool.sock")) <= 107
        assert tool_socket(folder) == short / "tool.sock"
        assert short.stat().st_mode & 0o777 == 0o700
    before = (far / "front").resolve()
    assert before != far / "front"
    drop_sockets(far)
    assert not before.exists()
    assert not (far / "front").is_symlink()
