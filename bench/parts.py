"""The floors: what each part of a letter's way costs when nothing else is done, and Postamt's CPU
beside their sum.

Dialogue in (floor), dialogue out (floor_out, to smtp-sink), signature (floor_sign), store
(floor_store): each a small program of this folder that does its part for letters of the same size.
The dialogue is taken without its disk, since the store has one of its own.
"""
import subprocess

from measure import TOOLS, Server, ports, run

LETTERS = 20000
SIGNED = 2000
TIMES = 2  # what Postamt may cost, of the sum


class Floor(Server):
    """Durable acceptance and nothing else; without a file the dialogue alone."""
    name, recipient = "floor", "bob@example.test"

    def __init__(self, file=None):
        self.file, self.port = file, next(ports)

    def start(self):
        self.process = self.group.start(TOOLS / "floor", self.port,
                                        *([self.file] if self.file else []), text=True,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n"

    def stop(self):
        super().stop()
        if self.file:
            self.file.unlink()


def dialogue_in(sessions, size):
    with Floor() as floor:
        before = floor.cpu()
        run(TOOLS / "mailload", "keep", floor.port, sessions, LETTERS, size, "a@example.test",
            "x@sink.test", "clear")
        return (floor.cpu() - before) * 1000 / LETTERS


def store(folder, sessions, size):
    file = folder / "floor.db"
    milliseconds = float(run(TOOLS / "floor_store", file, LETTERS, size, sessions))
    for one in folder.glob("floor.db*"):
        one.unlink()
    return milliseconds


def measure(folder, sink, sessions, size):
    """CPU milliseconds a letter of each part."""
    return {"dialogue in": dialogue_in(sessions, size),
            "dialogue out": float(run(TOOLS / "floor_out", sink.port, sessions, LETTERS, size)),
            "store": store(folder, sessions, size),
            "signature": float(run(TOOLS / "floor_sign", SIGNED, size))}


def judge(costs, cpu, signed):
    """One line."""
    costs = {part: cost for part, cost in costs.items() if signed or part != "signature"}
    total = sum(costs.values())
    words = " + ".join(f"{part} {cost:.3f}" for part, cost in costs.items())
    return (f"parts: {words} = {total:.3f} ms CPU; Postamt {cpu:.3f}, {cpu / total:.2f} times that"
            f" (aim: {TIMES})")
