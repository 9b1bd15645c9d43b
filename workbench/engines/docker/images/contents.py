"""What is in an image: kernels, versions, packages, accounts. Asked of the image itself, once a digest."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from docker import APIClient

from workbench.engines.base import LABEL
from workbench.engines.docker.connection import Connection, NoSuchThing, image_gone
from workbench.errors import Refused, WorkbenchError
from workbench.model.environment import KernelSpec
from workbench.model.ide import Ide
from workbench.text import clean, one_line

ROLE = "contents"
LONGEST = 600.0  # seconds that asking may take on a slow disk
FORM = 3  # of the kept answers: older ones are asked anew
STACKS, S6 = "docker-stacks", "s6"  # whose rules an image may follow
STACKS_USER = "NB_USER"  # images after jupyter/docker-stacks' rules say their account by it
STACKS_GROUP = 100  # `users`: it may write what such images have installed
_RECORD, _FIELD = "\x1e", "\x1f"

# Every image has a shell; Python and R are asked only where they are. Records are told apart by ASCII separators.
_QUESTIONS = r"""
record() { printf '\036%s\037' "$1"; }
record passwd; cat /etc/passwd 2>/dev/null
record group; cat /etc/group 2>/dev/null
record programs; command -v /init
for folder in $(printf '%s' "$PATH" | tr ':' ' '); do
    for program in "$folder"/*; do [ ! -x "$program" ] || printf '%s\n' "$program"; done
done
folders=$(printf '%s' "$PATH" | tr ':' '\n' | sed -n 's,/bin$,/share/jupyter/kernels,p')
folders="$(printf '%s' "${JUPYTER_PATH:-}" | tr ':' '\n' | sed -n 's,[^/]$,&/kernels,p') $folders"
for folder in $folders /usr/local/share/jupyter/kernels /usr/share/jupyter/kernels; do
    for file in "$folder"/*/kernel.json; do
        [ -f "$file" ] || continue
        record "kernel $file"; cat "$file"
        [ ! -x "${folder%/share/jupyter/kernels}/bin/python" ] || record "python-of $file"
    done
done
record dpkg; dpkg-query -W -f '${Package}==${Version}\n' 2>/dev/null
python=$(command -v python3 || command -v python) || python=
record python
[ -z "$python" ] || "$python" -c '
import platform
from importlib.metadata import distributions
print(platform.python_version())
print(*sorted({f"{d.metadata["Name"]}=={d.version}" for d in distributions()}, key=str.lower), sep="\n")
' 2>/dev/null
record r
[ -z "$(command -v Rscript)" ] || Rscript --vanilla -e '
cat(as.character(getRversion()), "\n", sep = "")
p <- installed.packages()[, c("Package", "Version", "Priority"), drop = FALSE]
p <- p[is.na(p[, 3]), , drop = FALSE]
cat(sort(unique(paste(p[, 1], p[, 2], sep = "=="))), sep = "\n")
' 2>/dev/null
:
"""


@dataclass(frozen=True)
class Contents:
    """An image from inside. `accounts` and `groups` are its /etc/passwd and /etc/group; R packages begin with `R:`,
    Debian's with `deb:`. `programs` are the paths of all that is on PATH, and /init; `user` and `entrypoint` are its
    own, as it was made."""

    kernels: tuple[KernelSpec, ...]
    packages: tuple[str, ...]
    python_version: str | None
    r_version: str | None
    accounts: str
    groups: str
    programs: tuple[str, ...] = ()
    user: str = ""
    home: str = ""
    entrypoint: tuple[str, ...] = ()
    rules: str = ""

    def program(self, *names: str) -> str:
        """The path of the first of these programs that it has; empty for none."""
        found: dict[str, str] = {}
        for path in self.programs:
            found.setdefault(PurePosixPath(path).name, path)
        return next((found[name] for name in names if name in found), "")

    def has(self, tool: Ide) -> bool:
        """Whether it has an IDE: its program, or its package where it is known by that."""
        if tool.program:
            return bool(self.program(tool.program))
        return any(name.lower().startswith(f"{tool.package.lower()}==") for name in self.packages)

    @property
    def shell(self) -> str:
        """The shell that its root has."""
        lines = (line.split(":") for line in self.accounts.splitlines())
        return next((fields[6] for fields in lines if len(fields) == 7 and fields[2] == "0" and fields[6]), "/bin/sh")

    def to_json(self) -> str:
        """As one JSON object."""
        return json.dumps({"form": FORM, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Contents | None:
        """The reverse of `to_json`; None for what another release wrote."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.pop("form", None) != FORM:
            return None
        data["kernels"] = tuple(KernelSpec(**{**k, "argv": tuple(k["argv"])}) for k in data["kernels"])
        return cls(**{**data, **{key: tuple(data[key]) for key in ("packages", "programs", "entrypoint")}})


class Library:
    """Answers of images, kept in `folder` by digest."""

    def __init__(self, connection: Connection, folder: Path, home: str) -> None:
        self._connection = connection
        self._folder = folder
        self._home = home

    def of(self, digest: str) -> Contents:
        """What is in the image `digest`; half a second where it was never asked before."""
        kept = self._folder / f"{digest.replace(':', '-')}.json"
        try:
            known = Contents.from_json(kept.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError):
            known = None
        if known is not None:
            return known
        seen = _inspected(self._connection, digest)
        foreign = str(seen.get("Architecture") or "")
        foreign = "" if self._connection.daemon().platform.endswith(f"/{foreign}") else foreign
        contents = as_made(read_contents(_ask(self._connection, digest, self._home, foreign)), seen.get("Config") or {})
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        partial.write_text(contents.to_json(), encoding="utf-8")
        partial.replace(kept)
        return contents

    def forget(self, digest: str) -> None:
        """Drop what is kept of an image that is gone."""
        (self._folder / f"{digest.replace(':', '-')}.json").unlink(missing_ok=True)


def sweep(connection: Connection, home: str, now: float) -> None:
    """Remove containers of `home` in which an image was asked, where who asked was killed over it."""
    filters = {"label": [f"{LABEL}home={home}", f"{LABEL}role={ROLE}"]}
    with connection.api() as api:
        for entry in api.containers(all=True, filters=filters):
            if now - float(entry["Created"]) > LONGEST:
                with suppress(NoSuchThing):
                    api.remove_container(entry["Id"], force=True, v=True)


def _ask(connection: Connection, digest: str, home: str, foreign: str = "") -> str:
    """Run the questions in a container of the image; `foreign` is the processor it is made for, where that is another."""
    with connection.api() as api:
        handle = create(api, digest, home)
        try:
            api.start(handle)
            api.wait(handle)
            said: bytes = api.logs(handle, stdout=True, stderr=False)
            if _RECORD.encode() not in said:
                raise _cannot_run(api.logs(handle, stdout=False, stderr=True), foreign)
        except NoSuchThing as error:
            raise WorkbenchError("the image's shell cannot be run: it has no /bin/sh", title="Docker") from error
        except WorkbenchError as error:
            raise (_cannot_run(error.message.encode(), foreign) if "exec" in error.message else error) from error
        finally:
            with suppress(NoSuchThing):
                api.remove_container(handle, force=True, v=True)
    return said.decode("utf-8", "replace")


def _inspected(connection: Connection, digest: str) -> Mapping[str, Any]:
    """What the engine knows of the image."""
    try:
        with connection.api() as api:
            seen: Mapping[str, Any] = api.inspect_image(digest)  # type: ignore[no-untyped-call]
    except NoSuchThing as error:
        raise image_gone(digest) from error
    return seen


def _cannot_run(said: bytes, foreign: str) -> WorkbenchError:
    """Why nothing of the image can be run: above all, that it is made for another processor."""
    if foreign:
        return Refused(
            f"the image is made for {foreign} processors, and this engine's is another (exec format error)",
            title="Docker",
            hint="Name an image of this platform: a tag often has one for each.",
        )
    lines = clean(said.decode("utf-8", "replace")).split("\n")
    words = next((one_line(line, 300) for line in reversed(lines) if line.strip()), "it said nothing")
    return Refused(f"no program of the image can be run: {words}", title="Docker")


def create(api: APIClient, digest: str, home: str) -> str:
    """A container that puts the questions, without network; its id."""
    try:
        made = api.create_container(
            digest,
            entrypoint=["/bin/sh", "-c", _QUESTIONS],
            command=[],
            user="0:0",
            labels={f"{LABEL}home": home, f"{LABEL}owner": str(os.getuid()), f"{LABEL}role": ROLE},
            host_config=api.create_host_config(network_mode="none"),
        )
    except NoSuchThing as error:
        raise image_gone(digest) from error
    return str(made["Id"])


def read_contents(text: str) -> Contents:
    """`Contents` from what the questions printed."""
    records = dict(record.partition(_FIELD)[::2] for record in text.split(_RECORD)[1:])
    python_version, python_packages = _versions(records.get("python", ""))
    r_version, r_packages = _versions(records.get("r", ""))
    debian = sorted(clean(records.get("dpkg", "")).split())
    programs = tuple(line for line in clean(records.get("programs", "")).splitlines() if line.startswith("/"))
    return Contents(
        kernels=_kernels(records),
        packages=(*python_packages, *(f"R:{name}" for name in r_packages), *(f"deb:{name}" for name in debian)),
        python_version=python_version,
        r_version=r_version,
        accounts=clean(records.get("passwd", "")),
        groups=clean(records.get("group", "")),
        programs=programs,
    )


def as_made(inside: Contents, config: Mapping[str, Any]) -> Contents:
    """`inside` with what the image's own configuration says: account, home, entrypoint, and whose rules it follows."""
    entrypoint = tuple(one_line(str(word)) for word in config.get("Entrypoint") or ())
    variables = dict(str(line).partition("=")[::2] for line in config.get("Env") or ())
    user = one_line(str(config.get("User") or "root"))
    accounts = [line.split(":") for line in inside.accounts.splitlines()]
    name = user.partition(":")[0]
    homes = [fields[5] for fields in accounts if len(fields) == 7 and name in (fields[0], fields[2])]
    rules = ""
    if STACKS_USER in variables and inside.program("start.sh"):
        rules = STACKS
    elif "/init" in entrypoint or "/init" in (config.get("Cmd") or ()):
        rules = S6
    return replace(
        inside,
        user=user,
        home=one_line(variables.get("HOME") or next(iter(homes), "/")),
        entrypoint=entrypoint,
        rules=rules,
    )


def _versions(record: str) -> tuple[str | None, list[str]]:
    lines = [one_line(line) for line in record.splitlines() if line.strip()]
    return (lines[0], lines[1:]) if lines else (None, [])


def _kernels(records: Mapping[str, str]) -> tuple[KernelSpec, ...]:
    """Kernels by name, the first place winning as it does for Jupyter."""
    found: dict[str, KernelSpec] = {}
    for key, text in records.items():
        kind, _, place = key.partition(" ")
        if kind != "kernel":
            continue
        path = PurePosixPath(place)
        prefix = path.parents[4] if f"python-of {place}" in records else None
        try:
            kernel = _kernel(path.parent.name, json.loads(text), prefix)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # a broken file offers no kernel
        found.setdefault(kernel.name, kernel)
    return tuple(found.values())


def _kernel(name: str, data: Mapping[str, Any], prefix: PurePosixPath | None) -> KernelSpec:
    argv = [str(word).replace("{resource_dir}", "") for word in data["argv"]]
    if prefix and argv[0] in {"python", "python3"}:
        argv[0] = str(prefix / "bin" / "python")
    return KernelSpec(
        name=one_line(name),
        display_name=one_line(str(data.get("display_name") or name)),
        language=one_line(str(data.get("language") or "")),
        argv=tuple(argv),
        env={str(key): str(value) for key, value in (data.get("env") or {}).items()},
        interrupt_mode=str(data.get("interrupt_mode") or "signal"),
    )
