"""Graphics processors of this machine for local kernels and sessions: looked for before a start, and how many are seen."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.errors import Refused
from workbench.model.environment import Limits

DEVICES = Path("/dev")
_NVIDIA = re.compile(r"nvidia\d+")
# What CUDA, ROCm and the libraries on top of them take as the processors there are.
VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def variables(limits: Limits) -> dict[str, str]:
    """Variables by which a program sees as many as were asked for, the first ones. Raises `Refused` where there are fewer."""
    if limits.gpus is None:
        return {}
    count = _count()
    wanted = 1 if limits.gpus == "all" else int(limits.gpus)
    if count < wanted:
        raise Refused(
            f"`limits: gpus: {limits.gpus}` asks for more graphics processors than this machine has: {count or 'none'}",
            hint="Is the driver loaded? Else take it out of the environment.",
        )
    if limits.gpus == "all":
        return {}
    return dict.fromkeys(VARIABLES, ",".join(map(str, range(wanted))))


def _count() -> int:
    """NVIDIA's by their devices; AMD's by what renders, where their compute driver is loaded."""
    try:
        nvidia = sum(1 for path in DEVICES.iterdir() if _NVIDIA.fullmatch(path.name))
    except OSError:
        return 0
    return nvidia or (len(list(DEVICES.glob("dri/renderD*"))) if (DEVICES / "kfd").exists() else 0)
