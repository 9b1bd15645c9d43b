"""The pages that a front shows of itself: sign-in, waiting, and what is refused. Nothing from a tool is in them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

SIGN_IN = "/.workbench/sign-in"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#222;background:#fff}"
    "h1{font-size:1.3rem}input,button{font:inherit;padding:.4rem .6rem}input{width:100%;box-sizing:border-box;margin:.3rem 0 .8rem}"
    "code{background:#eee;padding:.1rem .3rem}.wrong{color:#a00}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#333}.wrong{color:#f88}a{color:#9cf}}"
)


@dataclass(frozen=True)
class Page:
    """An answer of the front's own."""

    status: int
    body: str
    again: int = 0  # seconds after which it may be asked for again


def sign_in(session: str, title: str, inside: int, onward: str, *, wrong: bool = False) -> Page:
    """The form that asks for the key, and then leads to `onward`; `inside` is the port behind it, 0 for the tool."""
    what = escape(title or f"Port {inside}")
    option = f" --port {inside}" if inside else ""
    key, opens = ("P", f"workbench open {escape(session)}{option}") if inside else ("o", "workbench open")
    complaint = '<p class="wrong" role="alert">That is not the key of this session.</p>' if wrong else ""
    body = (
        f"<p>{what} opens with the key of this session. <code>{key}</code> in the program, or <code>{opens}</code>, "
        f"gets you in without typing it. Or paste the key here, or the whole address with it, as this prints it:</p>"
        f"<p><code>workbench sessions url {escape(session)}{option}</code></p>{complaint}"
        f'<form method="post" action="{SIGN_IN}"><label for="key">Key</label>'
        '<input id="key" name="key" type="password" autocomplete="off" autofocus required>'
        f'<input type="hidden" name="onward" value="{escape(onward)}"><button>Sign in</button></form>'
        # A link from another site comes without the cookie of who is signed in; one from here has it.
        f'<p><a href="{escape(onward)}">I am signed in already</a></p>'
    )
    return Page(403, _page(f"Sign in to {f'port {inside} of ' if inside else ''}{session}", body))


def starting(session: str, title: str) -> Page:
    """The tool has not answered yet."""
    body = f"<p>{escape(title)} is starting. This page looks again by itself.</p>"
    return Page(503, _page(session, body, again=2), again=2)


def gone(session: str, title: str) -> Page:
    """The tool has answered before and does not any more."""
    body = (
        f"<p>{escape(title)} does not answer any more: it ended, or is being started anew. This page looks again by "
        f"itself.</p><p>What became of it: <code>workbench sessions show {escape(session)}</code></p>"
    )
    return Page(503, _page(session, body, again=5), again=5)


def nobody(session: str, inside: int, title: str) -> Page:
    """Nobody answers on a port of the session."""
    what = f"{escape(title)}, port {inside}" if title else f"port {inside}"
    body = (
        f"<p>What listens there, on 127.0.0.1 of the container of <code>{escape(session)}</code>, and speaks HTTP is shown at "
        f"this address ({what}). This page looks again by itself.</p>"
    )
    return Page(502, _page(f"Nothing that speaks HTTP listens on port {inside} inside", body, again=3), again=3)


def refused(status: int, why: str) -> Page:
    """A request that is not answered."""
    return Page(status, _page("Refused", f"<p>{escape(why)}</p>"))


def _page(title: str, body: str, again: int = 0) -> str:
    refresh = f'<meta http-equiv="refresh" content="{again}">' if again else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{refresh}'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
