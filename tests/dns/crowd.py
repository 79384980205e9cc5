"""A crowd of TCP clients that say nothing, in a process of its own: its open files are not the
tests'. Run as: crowd.py COUNT HOST PORT SOURCE; says how many are connected, then waits for the end of
its standard input."""

import asyncio
import contextlib
import resource
import subprocess
import sys

import server as s


class Crowd:
    """COUNT clients in one process, connected one after the other."""

    def __init__(self, count, port, source="127.0.0.1"):
        words = [sys.executable, __file__, str(count), "127.0.0.1", str(port), source]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def connected(self):
        """How many there are once all have tried."""
        return int(self.process.stdout.readline())

    def close(self):
        """Ends them all. @return how many the server had closed before."""
        rest, _ = self.process.communicate(timeout=s.PATIENCE)
        assert self.process.returncode == 0
        return int(rest)

    def kill(self):
        self.process.kill()
        self.process.communicate()


async def hold(count, host, port, source):
    waiting = asyncio.Semaphore(64)
    ended = 0

    async def connect():
        async with waiting:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(host, port, local_addr=(source, 0))

    async def watch(reader):
        nonlocal ended
        with contextlib.suppress(OSError):
            await reader.read(1)
        ended += 1

    made = [each for each in await asyncio.gather(*(connect() for _ in range(count))) if each]
    tasks = [asyncio.create_task(watch(reader)) for reader, _ in made]
    print(len(made), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(ended, flush=True)
    for task in tasks:
        task.cancel()
    for _, writer in made:
        writer.transport.abort()


if __name__ == "__main__":
    wanted = int(sys.argv[1]) + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    asyncio.run(hold(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
