"""Two small jobs that must run as programs of their own, started with `python -I -S guard.py`.

`exec` becomes the given program, after it has told the watchdog of itself, asked the kernel to be ended with
its parent (Linux), and become the user that the program wants. `watch` waits until the other end of its pipe
is closed, which also happens when the owner is killed with SIGKILL, and then ends all that was told to it.
Standard library only, and little of that: it starts in a few hundredths of a second.
"""

from __future__ import annotations

import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
# How long (seconds) a process group may take to end by itself before it is killed.
PATIENCE = 8.0


def main(arguments: list[str]) -> int:
    """`watch FD`, `exec PARENT SIGNAL FD IDENTITY PROGRAM ARGUMENT...`, or `probe` (are there namespaces?)."""
    job = arguments[0]
    if job == "watch":
        return watch(int(arguments[1]))
    if job == "probe":
        enter_user_namespace()
        return 0
    parent, stop_signal, pipe, identity = (
        int(arguments[1]), int(arguments[2]), int(arguments[3]), arguments[4],
    )  # fmt: skip
    os.set_inheritable(pipe, False)
    os.write(pipe, b"+ %d %d\n" % (os.getpid(), stop_signal))
    if sys.platform == "linux":
        # Loaded now: whoever we become may not be able to read where this Python lives.
        import ctypes  # noqa: F401
    become(identity)
    end_with(parent, stop_signal)
    os.execv(arguments[5], arguments[5:])
    raise AssertionError("execv does not return")


def become(identity: str) -> None:
    """`same`, `namespace` (an ordinary user in a namespace, owner of the same files), or `UID:GID`."""
    if identity == "namespace":
        enter_user_namespace()
    elif identity != "same":
        uid, gid = (int(part) for part in identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def enter_user_namespace() -> None:
    """PostgreSQL refuses to run as root; seen from inside the namespace, root is the ordinary user 1000."""
    import ctypes

    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as handle:
            handle.write(text)


def end_with(parent: int, stop_signal: int) -> None:
    """Asks Linux to send the signal when the parent dies; the watchdog does it everywhere else."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def watch(pipe: int) -> int:
    """Keeps the list of process groups; when the pipe closes, ends what is left, the youngest first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    waiting = b""
    while chunk := os.read(pipe, 4096):
        waiting += chunk
        *lines, waiting = waiting.split(b"\n")
        for line in lines:
            sign, *numbers = line.split()
            if sign == b"+":
                groups[int(numbers[0])] = int(numbers[1])
            else:
                groups.pop(int(numbers[0]), None)
    for group, stop_signal in reversed(groups.items()):
        end_group(group, stop_signal)
    return 0


def end_group(group: int, stop_signal: int) -> None:
    """Asks a process group to end, and makes it when it has not within PATIENCE."""
    give_up = time.monotonic() + PATIENCE
    send(group, stop_signal)
    while is_alive(group) and time.monotonic() < give_up:
        time.sleep(0.05)
    send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Sends a signal to a process group; False when there is none."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def is_alive(group: int) -> bool:
    """True while the leader of the group runs; one that is dead and not yet collected counts as gone."""
    if not send(group, 0):
        return False
    try:
        with open(f"/proc/{group}/stat", "rb") as handle:
            return handle.read().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return sys.platform != "linux"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
