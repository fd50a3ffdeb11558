"""Run a command of the Makefile alone in this checkout, and tidy up after one that was killed: `alone.py COMMAND...`.

Whoever comes second is told who is at work. The lock is the system's, which frees it with the processes that hold it:
this one and the command's own. What a killed one has left is ended, its jobs, or removed, Snakemake's own lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

try:
    import psutil  # which Snakemake brings; before it is installed there is nothing to end
except ImportError:
    psutil = None

LOCK = Path(".gfn.lock")
SNAKEMAKE_LOCKS = Path(".snakemake/locks")
VARIABLE = "GFN_ALONE"  # by its value, processes that belong to a command are known
PATIENCE = 20.0  # seconds that a process has for its end


def main() -> int:
    command = sys.argv[1:]
    try:
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        return refuse(f"this checkout cannot be written ({error.strerror})")
    if not locked(lock):
        holder = note()
        if os.environ.get(VARIABLE) in holder.get("tokens", ()):
            os.execvp(command[0], command)  # a part of the command that has the lock
        alive = [number for number in holder.get("processes", ()) if at_work(number)]
        if psutil and holder and not alive:  # but jobs that have inherited the lock
            for token in holder["tokens"]:
                end(token)
        if alive or not locked(lock):
            who = f"process {[*alive, *holder['processes']][0]} ({holder['command']})" if holder else "another command"
            return refuse(f"{who} is at work in this checkout: wait until it is through, or stop it")
    left = note().get("tokens", [])
    for token in left:
        end(token)
    # Where nothing was left, a lock is of a Snakemake that was not started here: perhaps of another machine.
    if other := snakemake_here(unlock=bool(left)):
        return refuse(f"process {other} (snakemake) is at work in this checkout: wait until it is through, or stop it")
    token = secrets.token_hex(8)
    tokens = [token] if psutil else [*left, token]
    about = {"command": shlex.join(command), "tokens": tokens}
    write(lock, about | {"processes": [os.getpid()]})
    stopped = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, frame: stopped.append(number) or end(token, wait=False))
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))  # the command gets its own
    child = subprocess.Popen(command, env=os.environ | {VARIABLE: token}, pass_fds=[lock])
    write(lock, about | {"processes": [os.getpid(), child.pid]})
    if stopped and stopped[0] != signal.SIGINT:
        end(token, wait=False)
    status = child.wait()
    if status:
        end(token)
        snakemake_here(unlock=True)
    write(lock, {"command": "", "processes": [], "tokens": [] if psutil else tokens})
    return 128 + stopped[0] if stopped else 128 - status if status < 0 else status


def locked(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def at_work(number: int) -> bool:
    with suppress(AttributeError, TypeError, ValueError, *([psutil.Error] if psutil else [])):
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    return False


def refuse(why: str) -> int:
    print(f"gfn: {why}", file=sys.stderr)
    return 1


def note() -> dict:
    """What whoever has or had the lock has written."""
    with suppress(OSError, ValueError):
        found = json.loads(LOCK.read_text(encoding="utf-8"))
        if isinstance(found, dict) and all(isinstance(found.get(name), list) for name in ("processes", "tokens")):
            return found
    return {}


def write(lock: int, what: dict) -> None:
    with suppress(OSError):  # on a full disk the lock still holds
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps(what).encode(), 0)


def belonging(token: str) -> list:
    """The processes that belong to a command, but this one."""
    found = []
    for process in psutil.process_iter() if psutil else ():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(VARIABLE) == token:
                found.append(process)
    return found


def end(token: str, wait: bool = True) -> None:
    """Have all processes that belong to a command save and end; what has not done so in time is killed."""
    for process in belonging(token):
        with suppress(psutil.Error):
            process.terminate()
    deadline = time.monotonic() + PATIENCE
    while wait and belonging(token):
        if time.monotonic() > deadline:
            for process in belonging(token):
                with suppress(psutil.Error):
                    process.kill()
            return
        time.sleep(0.1)


def snakemake_here(unlock: bool) -> int | None:
    """The Snakemake, if any, that has a lock in this folder and was started without this script; else remove its lock."""
    if not SNAKEMAKE_LOCKS.is_dir() or not any(SNAKEMAKE_LOCKS.iterdir()):
        return None
    for process in psutil.process_iter() if psutil else ():
        with suppress(psutil.Error, OSError):
            words = [Path(word).name for word in process.cmdline()[:3]]
            if "snakemake" in words and Path(__file__).name not in words and Path(process.cwd()) == Path.cwd():
                return process.pid
    if unlock:
        shutil.rmtree(SNAKEMAKE_LOCKS)
    return None


if __name__ == "__main__":
    sys.exit(main())
