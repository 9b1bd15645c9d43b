"""Conda: micromamba out of its public image makes the environment where otherwise the venv is."""

from __future__ import annotations

import json
import re

from workbench.engines.docker.images.base_image import MICROMAMBA
from workbench.engines.docker.images.recipe.project import trust
from workbench.engines.docker.images.recipe.python import VENV
from workbench.engines.docker.images.recipe.sheet import LOCKED, Dialect, Sheet
from workbench.errors import Refused
from workbench.model.environment import EnvironmentSpec

CHANNEL = "conda-forge"
LAB = "jupyterlab"
SERVER = "/opt/jupyter"  # JupyterLab by itself, beside a Python that is too old for it
_OLD = re.compile(r"python\s*=+\s*(2|3\.[0-8](?!\d))")


def environment(sheet: Sheet) -> None:
    """The environment with everything that is declared, pip's part last as conda does it."""
    spec = sheet.spec
    if spec.conda is None:
        return
    if sheet.dialect is Dialect.CLASSIC:
        raise Refused(
            "conda packages need BuildKit",
            title=f"environment {spec.name}",
            hint="Install the docker command with its buildx part (on Debian: docker-buildx).",
        )
    channels = list(spec.conda.channels) or [CHANNEL]
    old = any(_OLD.match(package) for package in spec.conda.packages)
    sheet.files["environment.yml"] = _file(channels, _packages(spec, old))
    sheet.add(
        f"COPY --from={sheet.source(MICROMAMBA)} /bin/micromamba /usr/local/bin/micromamba",
        "What makes conda environments, also for those who work in this one",
    )
    sheet.add(f"ENV MAMBA_ROOT_PREFIX=/opt/conda CONDA_PREFIX={VENV} CONDA_DEFAULT_ENV={VENV}")
    mounts, exports = trust(sheet)
    mounts = [
        *mounts,
        f"type=cache,target=/opt/conda/pkgs{LOCKED}",
        *sheet.shown("environment.yml"),
    ]
    create = "micromamba create -q -y --always-copy"
    commands = [exports, f"{create} -p {VENV} -f /build/environment.yml"]
    if old and LAB in spec.needs.python:
        commands.append(f"{create} -p {SERVER} -c {CHANNEL} {LAB}")
        sheet.add(f"ENV PATH={VENV}/bin:{SERVER}/bin:$PATH JUPYTER_PATH={VENV}/share/jupyter")
    if _has_r(spec):
        commands.append(f"{VENV}/bin/Rscript -e \"IRkernel::installspec(prefix = '{VENV}')\"")
    sheet.run(mounts, commands, "Conda packages")
    pip = [line for line in (spec.python.packages if spec.python else ()) if line != "pip"]
    pip += [line for line in spec.needs.python if line not in (LAB, "ipykernel")]
    if pip:
        sheet.files["requirements.txt"] = "".join(f"{line}\n" for line in pip)
        mounts, exports = trust(sheet)
        install = f"{VENV}/bin/python -m pip install --no-cache-dir -r /build/requirements.txt"
        sheet.run(
            [*mounts, *sheet.shown("requirements.txt")], [exports, install], "Python packages that pip installs into it"
        )


def _packages(spec: EnvironmentSpec, old: bool) -> list[str]:
    """Those declared, with what we need ourselves."""
    assert spec.conda
    ours = ["pip", "ipykernel", *([LAB] if LAB in spec.needs.python and not old else [])]
    if _has_r(spec):
        ours.append("r-irkernel")
    names = {re.split(r"[\s=<>!~\[]", package.rpartition("::")[2], maxsplit=1)[0] for package in spec.conda.packages}
    python = [] if "python" in names else ["python"]
    return [*python, *spec.conda.packages, *(name for name in ours if name not in names)]


def _has_r(spec: EnvironmentSpec) -> bool:
    return spec.conda is not None and any(
        package.rpartition("::")[2].startswith("r-") for package in spec.conda.packages
    )


def _file(channels: list[str], packages: list[str]) -> str:
    """An `environment.yml`; JSON texts are YAML texts."""
    lines = ["channels:", *(f"  - {json.dumps(channel)}" for channel in channels), "  - nodefaults", "dependencies:"]
    return "\n".join([*lines, *(f"  - {json.dumps(package)}" for package in packages)]) + "\n"
