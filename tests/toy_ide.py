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
    if where.isdigit():
        server.listen(int(where), "127.0.0.1")
    else:
        server.add_socket(tornado.netutil.bind_unix_socket(where, mode=0o600))
    print("the toy is up", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


def declare(home: Path, project: Path, *, where: str = "{socket}") -> None:
    """Declare the IDE `toy` in a home, its program lying in a project; it listens at `where`."""
    (project / "toy.py").write_text(PROGRAM)
    (home / "ides").mkdir(exist_ok=True)
    lines = ["title: Toy", f'command: [python, "{{project}}/toy.py", "{where}"]', "program: python", "websocket: /ws"]
    (home / "ides" / "toy.yaml").write_text("\n".join(lines) + "\n")
