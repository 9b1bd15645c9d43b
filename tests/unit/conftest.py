"""What unit tests share."""

from schedule_world import world
from supervisor_parts import parts

__all__ = ["parts", "world"]
