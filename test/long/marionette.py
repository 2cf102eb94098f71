"""A client of Marionette, by which Mozilla's programs are driven: scripts in the program itself."""
import json
import socket
import subprocess

from office import PATIENCE, until


class Marionette:
    """A program with a profile of its own; prefs go into it. Scripts run with the program's rights."""

    def __init__(self, program, profile, prefs):
        self.profile, self.count, self.pending = profile, 0, b""
        profile.mkdir()
        lines = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
                        for name, value in {**prefs, "marionette.port": 0}.items())
        (profile / "user.js").write_text(lines)
        with open(profile / "said", "wb") as said:
            self.process = subprocess.Popen(
                [program, "--headless", "--no-remote", "--marionette",
                 "--remote-allow-system-access", "--profile", profile], stdout=said, stderr=said,
                env={"HOME": str(profile), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                     "MOZ_CRASHREPORTER_DISABLE": "1"})
        try:
            port = int(until(self.port))
            self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE * 3)
            self.receive()  # it introduces itself
            self.command("WebDriver:NewSession")
            self.command("Marionette:SetContext", value="chrome")
            self.command("WebDriver:SetTimeouts", script=PATIENCE * 2000)
        except BaseException:
            self.end()
            raise

    def port(self):
        assert self.process.poll() is None, (self.profile / "said").read_text()[-3000:]
        path = self.profile / "MarionetteActivePort"
        return path.exists() and path.read_text()

    def receive(self):
        while b":" not in self.pending:
            self.more()
        length, self.pending = self.pending.split(b":", 1)
        while len(self.pending) < int(length):
            self.more()
        message, self.pending = self.pending[:int(length)], self.pending[int(length):]
        return json.loads(message)

    def more(self):
        data = self.socket.recv(65536)
        assert data, (self.profile / "said").read_text()[-3000:]
        self.pending += data

    def command(self, name, **parameters):
        self.count += 1
        message = json.dumps([0, self.count, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, number, error, result = self.receive()
        assert number == self.count
        assert error is None, f"{error['error']}: {error['message']}\n{error['stacktrace']}"
        return result

    def run(self, script, *arguments):
        """What the body of an async function returns."""
        wrapped = ("const [done, ...given] = [arguments[arguments.length - 1], ...arguments];"
                   f"(async (...args) => {{ {script} }})(...given.slice(0, -1)).then("
                   "value => done({value}), error => done({error: `${error}\\n${error.stack}`}));")
        result = self.command("WebDriver:ExecuteAsyncScript", script=wrapped, args=arguments,
                              sandbox="system", newSandbox=True)["value"]
        assert "error" not in result, result["error"]
        return result.get("value")

    def until(self, script, *arguments):
        return until(lambda: self.run(script, *arguments))

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
