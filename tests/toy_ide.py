"""A tool without a login, and its declaration: it says where it is reached and what it was asked, over HTTP and a websocket.

Tornado is there wherever ipykernel is.
"""

from __future__ import annotations

from pathlib import Path

PROGRAM = """\
import asyncio, os, sys
import tornado.httpserver, tornado.netutil, tornado.web, tornado.websocket

class Said(tornado.web.RequestHandler):
    def get(self):
        self.write({"host": self.request.host, "headers": dict(self.request.headers), "uid": os.getuid()})

class Chat(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message[::-1])

async def main(where):
    app = tornado.web.Application([("/ws", Chat), ("/.*", Said)])
    server = tornado.httpserver.HTTPServer(app)
    host, _, port = where.rpartition(":")
    if port.isdigit():
        server.listen(int(port), host)
    else:
        server.add_socket(tornado.netutil.bind_unix_socket(where, mode=0o600))
    print("the toy is up", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


def declaration(where: str = "{socket}") -> str:
    """The IDE `toy`: its program lies in the project, and listens at `where`."""
    command = f'[python, "{{project}}/toy.py", "{where}"]'
    return f"title: Toy\ncommand: {command}\nprogram: python\nwebsocket: /ws\n"


def declare(home: Path, project: Path) -> None:
    """Declare it in a home, and put its program into a project."""
    (project / "toy.py").write_text(PROGRAM)
    (home / "ides").mkdir(exist_ok=True)
    (home / "ides" / "toy.yaml").write_text(declaration())
