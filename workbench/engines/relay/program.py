"""A relay (Python 3.6 or later): python3 relay SOCKET PORT ARGV...

Starts ARGV and passes every connection to the unix socket SOCKET on to 127.0.0.1:PORT, until ARGV ends; then ends in the
same way. Signals are passed on to it. Runs inside containers: standard library only, and older syntax.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH")
CHUNK = 65536


def listen(path: str) -> socket.socket:
    """The socket, made anew, for this account alone."""
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    listener.bind(path)
    os.umask(mask)
    listener.listen(128)
    return listener


def accept(listener: socket.socket, port: int) -> None:
    """Take connections, a thread for each."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # no more descriptors for now
            time.sleep(0.1)
            continue
        try:
            threading.Thread(target=serve, args=(client, port), daemon=True).start()
        except RuntimeError:  # no more threads for now
            client.close()


def serve(client: socket.socket, port: int) -> None:
    """Carry one connection both ways."""
    try:
        tool = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    tool.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=carry, args=(tool, client), daemon=True)
    back.start()
    carry(client, tool)
    back.join()
    client.close()
    tool.close()


def carry(source: socket.socket, sink: socket.socket) -> None:
    """Carry one way until its end, or until either breaks."""
    try:
        while True:
            data = source.recv(CHUNK)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def main(path: str, port: int, argv: "list[str]") -> int:
    """Start the tool, relay to it, end as it did."""
    listener = listen(path)
    early: list[int] = []
    pids: list[int] = []

    def passed(number: int, _frame: object) -> None:
        if pids:
            os.kill(pids[0], number)
        else:
            early.append(number)

    for name in PASSED_ON:
        signal.signal(getattr(signal, name), passed)
    try:
        child = subprocess.Popen(argv)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    pids.append(child.pid)
    for number in early:
        os.kill(child.pid, number)
    threading.Thread(target=accept, args=(listener, port), daemon=True).start()
    code = child.wait()
    os.unlink(path)
    if code < 0:  # killed by a signal: so are we
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        return 128 - code
    return code


if __name__ == "__main__":
    # Not sys.exit: threads that still carry would hold it up.
    code = main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
    sys.stderr.flush()
    os._exit(code)
