"""The program's own two themes, and what every theme needs besides; Textual's others can be chosen too."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="workbench",
    primary="#7AA2C4",
    secondary="#6F8FA8",
    accent="#8FB8D8",
    foreground="#D5DAE0",
    background="#15181C",
    surface="#15181C",
    panel="#1E2329",
    success="#8DBB80",
    warning="#D8B26E",
    error="#DB7F78",
    dark=True,
    variables={
        "border": "#8FB8D8",
        "border-blurred": "#343B44",
        "block-cursor-background": "#2C3946",
        "cursor": "#2C3946",
        "block-cursor-foreground": "#F0F3F6",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#21272E",
        "input-selection-background": "#7AA2C4 35%",
        "footer-key-foreground": "#8FB8D8",
    },
)
LIGHT = Theme(
    name="workbench-light",
    primary="#2F6690",
    secondary="#5B7C93",
    accent="#2F6690",
    foreground="#23292F",
    background="#FAFAF8",
    surface="#FAFAF8",
    panel="#EFEFEB",
    success="#3C7A3A",
    warning="#94691A",
    error="#B0413A",
    dark=False,
    variables={
        "border": "#2F6690",
        "border-blurred": "#C9CCC8",
        "block-cursor-background": "#D9E4EC",
        "cursor": "#D9E4EC",
        "block-cursor-foreground": "#14181C",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#E9EAE6",
        "input-selection-background": "#2F6690 25%",
        "footer-key-foreground": "#2F6690",
    },
)


def plain(theme: Theme) -> bool:
    """Whether it uses the terminal's own colours, of which nothing is known."""
    return theme.ansi or theme.name.startswith("ansi")


def greys(theme: Theme) -> Mapping[str, str]:
    """`$muted`, `$faint`, `$cursor` and the text on it as solid colours: what is drawn by hand cannot be blended later."""
    if plain(theme):
        return {
            "muted": "ansi_bright_black",
            "faint": "ansi_bright_black",
            "cursor": "ansi_white",
            "on-cursor": "ansi_black",
        }
    front = Color.parse(theme.foreground or ("#E0E0E0" if theme.dark else "#202020"))
    back = Color.parse(theme.background or ("#121212" if theme.dark else "#F0F0F0"))
    accent = Color.parse(theme.accent or theme.primary)
    return {
        "muted": back.blend(front, 0.62).hex,
        "faint": back.blend(front, 0.36).hex,
        "cursor": back.blend(accent, 0.2).hex,
        "on-cursor": front.hex,
    }
