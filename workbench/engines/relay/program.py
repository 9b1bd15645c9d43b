"""A relay (Python 3.6 or later): python3 relay - SOCKET PORT [SOCKET PORT...] -- ARGV...

Starts ARGV and passes every connection to a unix socket SOCKET on to its PORT of this loopback, until ARGV ends; then ends
in the same way. Signals are passed on to it. With UID:GID in place of `-` ARGV becomes this very process, and the relay
goes on beside it, as that account. Runs inside containers: standard library only, and older syntax.
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
# `localhost` is either, by what a program takes first.
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
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


def reach(port: int) -> "socket.socket | None":
    """A connection to who listens there; None for nobody."""
    for family, address in LOOPBACK:
        with contextlib.suppress(OSError):
            tool = socket.socket(family, socket.SOCK_STREAM)
            try:
                tool.connect((address, port))
            except OSError:
                tool.close()
            else:
                return tool
    return None


def serve(client: socket.socket, port: int) -> None:
    """Carry one connection both ways."""
    tool = reach(port)
    if tool is None:
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


def carry_all(listeners: "list[tuple[socket.socket, int]]") -> None:
    """Offer each port from now on."""
    for one in listeners:
        threading.Thread(target=accept, args=one, daemon=True).start()


def before(argv: "list[str]", offered: "dict[str, int]") -> int:
    """Start the tool, relay to it, end as it did."""
    listeners = [(listen(path), port) for path, port in offered.items()]
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
        return not_started(argv, error)
    pids.append(child.pid)
    for number in early:
        os.kill(child.pid, number)
    carry_all(listeners)
    code = child.wait()
    for path in offered:
        with contextlib.suppress(OSError):
            os.unlink(path)
    if code < 0:  # killed by a signal: so are we
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        return 128 - code
    return code


def beside(argv: "list[str]", offered: "dict[str, int]", uid: int, gid: int) -> int:
    """Become the tool; a child of ours relays to it, as the account, for as long as its container lives."""
    if os.fork():
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and its children would
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvp(argv[0], argv)  # noqa: S606 - the tool, as it was given
        except OSError as error:
            return not_started(argv, error)
    os.setsid()
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    carry_all([(listen(path), port) for path, port in offered.items()])
    while True:
        signal.pause()


def not_started(argv: "list[str]", error: OSError) -> int:
    """Say why, in a shell's way."""
    sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
    return 127 if isinstance(error, FileNotFoundError) else 126


def main(account: str, words: "list[str]") -> int:
    """As the words say."""
    end = words.index("--")
    offered = {words[number]: int(words[number + 1]) for number in range(0, end, 2)}
    if account == "-":
        return before(words[end + 1 :], offered)
    uid, gid = account.split(":")
    return beside(words[end + 1 :], offered, int(uid), int(gid))


if __name__ == "__main__":
    # Not sys.exit: threads that still carry would hold it up.
    code = main(sys.argv[1], sys.argv[2:])
    sys.stderr.flush()
    os._exit(code)
