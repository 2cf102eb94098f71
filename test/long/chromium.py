"""A headless Chromium, driven by its DevTools protocol over a pipe: pages, clicks, typing, pictures."""
import base64
import json
import os
import select
import subprocess

from office import PATIENCE, until

OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
           "--window-size=1300,900", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.*",
           "--remote-debugging-pipe"]


class Chromium:
    """One page."""

    def __init__(self, folder):
        folder.mkdir()
        self.said, self.count, self.pending, self.errors = folder / "said", 0, b"", []
        in_far, self.out = os.pipe()
        self.input, out_far = os.pipe()
        with open(self.said, "wb") as said:  # it reads 3 and writes 4
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3<&{in_far} 4>&{out_far}', "bash", "chromium-headless-shell",
                 *OPTIONS, f"--user-data-dir={folder}/profile"], stdout=said, stderr=said,
                pass_fds=(in_far, out_far), env={"HOME": str(folder), "PATH": "/usr/bin:/bin"})
        os.close(in_far)
        os.close(out_far)
        self.session = None
        try:
            target = self.command("Target.createTarget", url="about:blank")["targetId"]
            self.session = self.command("Target.attachToTarget", targetId=target,
                                        flatten=True)["sessionId"]
            self.command("Page.enable")
            self.command("Runtime.enable")
        except BaseException:
            self.end()
            raise

    def receive(self):
        while b"\0" not in self.pending:
            assert select.select([self.input], [], [], PATIENCE)[0], "the browser says nothing"
            data = os.read(self.input, 65536)
            assert data, self.said.read_text()[-3000:]
            self.pending += data
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def command(self, name, **parameters):
        self.count += 1
        message = {"id": self.count, "method": name, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.count:
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(answer["params"]["exceptionDetails"])
        assert "error" not in answer, (name, answer["error"])
        return answer["result"]

    def run(self, script):
        """The value of an expression; None while the page is changing."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True,
                              awaitPromise=True)
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def open(self, url):
        self.command("Page.navigate", url=url)

    def until(self, script):
        return until(lambda: self.run(script))

    def click(self, selector):
        """With the mouse, on the first such element that is shown with nothing over it."""
        x, y = self.until(f"""(() => {{
            for (const element of document.querySelectorAll({json.dumps(selector)})) {{
                element.scrollIntoView({{block: "center", behavior: "instant"}});
                const at = element.getBoundingClientRect();
                const [x, y] = [at.left + at.width / 2, at.top + at.height / 2];
                if (at.width && element.contains(document.elementFromPoint(x, y)))
                    return [x, y];
            }}
            return null;
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                         clickCount=1)

    def type(self, selector, text):
        self.click(selector)
        self.command("Input.insertText", text=text)

    def press_enter(self):
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                         windowsVirtualKeyCode=13)

    def picture(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot")["data"]))

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.input)
        os.close(self.out)
