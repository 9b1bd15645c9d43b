"""A session as a browser's page uses it: requests, and a kernel over a websocket."""

from __future__ import annotations

import http.client
import json
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

from workbench.model.session import Session

SECONDS = 30.0


@dataclass(frozen=True)
class Page:
    """A page of a session, with its secret or without."""

    session: Session
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What every request of it carries."""
        address = f"{self.session.host_name}:{self.session.port}"
        secret = {"Authorization": f"token {self.token}"} if self.token else {}
        return {"Host": address, "Origin": f"http://{address}", **secret}

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and text of an answer; 0 where nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.session.port, timeout=SECONDS)
        sent = json.dumps(body) if body is not None else None
        try:
            connection.request(method, path, body=sent, headers={**self.headers, **headers})
            with connection.getresponse() as answer:
                return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def status(self, path: str = "/api/status", **headers: str) -> int:
        """Status of an answer."""
        return self.ask(path, **headers)[0]

    async def execute(self, code: str, notebook: str) -> str:
        """What `code` prints in a new kernel of `notebook`, as JupyterLab starts and asks it; the kernel is then ended."""
        about = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        status, text = self.ask("/api/sessions", "POST", about)
        assert status == 201, text
        made = json.loads(text)
        said = await self.says(made["kernel"]["id"], code)
        assert self.ask(f"/api/sessions/{made['id']}", "DELETE")[0] == 204
        return said

    async def says(self, kernel: str, code: str) -> str:
        """What `code` prints in a kernel that is there."""
        said = ""
        async with aiohttp.ClientSession() as client, self._channels(client, kernel) as socket:
            asked = _request(code)
            await socket.send_json(asked)
            async for frame in socket:
                message = json.loads(frame.data)
                if message["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
                    continue
                content = message["content"]
                said += content.get("text", "") or "\n".join(content.get("traceback", ()))
                if message["msg_type"] == "status" and content["execution_state"] == "idle":
                    break
        return said

    async def leave_running(self, code: str, kernel: str = "") -> str:
        """Begin `code`, in a kernel of its own unless one is named, and go away, as a browser that is closed; the kernel's id."""
        if not kernel:
            status, text = self.ask("/api/kernels", "POST", {"name": "python3"})
            assert status == 201, text
            kernel = json.loads(text)["id"]
        async with aiohttp.ClientSession() as client, self._channels(client, kernel) as socket:
            await socket.send_json(_request(code))
            async for frame in socket:
                if json.loads(frame.data)["msg_type"] == "execute_input":
                    break
        return kernel

    def socket(self, client: aiohttp.ClientSession, path: str) -> Any:
        """A websocket, as a page holds one open."""
        return client.ws_connect(f"http://127.0.0.1:{self.session.port}{path}", headers=self.headers)

    def _channels(self, client: aiohttp.ClientSession, kernel: str) -> Any:
        url = f"http://127.0.0.1:{self.session.port}/api/kernels/{kernel}/channels"
        return client.ws_connect(url, headers=self.headers, timeout=aiohttp.ClientWSTimeout(ws_receive=SECONDS))


def _request(code: str) -> dict[str, Any]:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "tester",
        "session": uuid.uuid4().hex,
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }
