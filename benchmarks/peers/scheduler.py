"""jupyter-scheduler given many runs at once, by its REST interface; run with a Python that has it and ipykernel.

    PYTHON benchmarks/peers/scheduler.py NOTEBOOK COUNT

Prints runs a minute, the most bytes that its server and all below it held (shared pages divided), and how many succeeded.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

DONE = {"COMPLETED", "FAILED"}  # `STOPPED` is what a job is before it begins
PATIENCE = 600.0


class Server:
    """A Jupyter server with the scheduler in it, in a folder of its own."""

    def __init__(self, notebook: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="scheduler-bench-"))
        shutil.copy(notebook, self.folder / "a.ipynb")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.token = secrets.token_hex(16)
        env = {**os.environ, "JUPYTER_TOKEN": self.token, "HOME": str(self.folder)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [
            sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={self.port}",
            "--ip=127.0.0.1", f"--ServerApp.root_dir={self.folder}",
            "--ServerApp.jpserver_extensions={'jupyter_scheduler': True}",
            f"--SchedulerApp.db_url=sqlite:///{self.folder}/jobs.sqlite",
        ]  # fmt: skip
        with (self.folder / "log.txt").open("wb") as log:
            self.process = subprocess.Popen(command, env=env, cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self.answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit((self.folder / "log.txt").read_text())
            time.sleep(0.2)

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            self.call("scheduler/config")
        except OSError:
            return False
        return True

    def call(self, path: str, body: object = None) -> Any:
        """Ask it something."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def states(self, count: int) -> list[str]:
        """Of all its jobs."""
        return [job["status"] for job in self.call(f"scheduler/jobs?max_items={count}")["jobs"]]

    def held(self) -> int:
        """Bytes that it and all below it hold."""
        server = psutil.Process(self.process.pid)
        total = 0
        for process in [server, *server.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total

    def end(self) -> None:
        """End it and all below it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()  # asked politely it may take minutes
        self.process.wait()
        for process in children:
            if process.is_running():
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def main(notebook: Path, count: int) -> None:
    """Ask for all, wait."""
    server = Server(notebook)
    most = [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            most[0] = max(most[0], server.held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        job = {"name": "a", "input_uri": "a.ipynb", "output_formats": ["ipynb"]}
        job["runtime_environment_name"] = server.call("scheduler/runtime_environments")[0]["name"]
        began = time.perf_counter()
        for _ in range(count):
            server.call("scheduler/jobs", job)
        while not (len(states := server.states(count)) == count and set(states) <= DONE):
            if time.perf_counter() - began > PATIENCE:
                raise SystemExit(f"not done in {PATIENCE:.0f} s: {states}")
            time.sleep(0.25)
        seconds = time.perf_counter() - began
    finally:
        over.set()
        watcher.join()
        server.end()
    print(count / seconds * 60, most[0], states.count("COMPLETED"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
