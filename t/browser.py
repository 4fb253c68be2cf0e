# SPDX-License-Identifier: BSD-2-Clause
#
# browser.py PIPE URL: a headless Chromium that shows URL and is told, line by
# line through PIPE, a fifo, what to do; for each line it prints one.
#
#   eval EXPRESSION    its value, as JSON
#   shot FILE          a picture of the whole page
#   size WIDTH HEIGHT  of the window
#   dark, light        what the user prefers
#   scripts on|off     from the next page on
#   open URL           the next page
#   requests           the URLs that were asked for, as JSON
#   complaints         what the console has of warnings and errors, as JSON
#
# It ends when nobody has PIPE open for writing any more.
import base64
import json
import os
import subprocess
import sys
import tempfile


class Browser:
    def __init__(self, profile):
        ours, its = os.pipe()
        back, out = os.pipe()

        # Chromium reads from 3 and writes to 4.
        def arrange():
            a, b = os.dup(ours), os.dup(out)
            os.dup2(a, 3)
            os.dup2(b, 4)
            for fd in range(5, 64):
                try:
                    os.close(fd)
                except OSError:
                    pass

        options = ["--headless", "--remote-debugging-pipe", "--disable-gpu",
                   "--disable-dev-shm-usage", "--hide-scrollbars",
                   "--no-first-run", "--disable-background-networking",
                   "--disable-component-update", "--disable-extensions",
                   "--user-data-dir=" + profile]
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        self.process = subprocess.Popen(
            ["chromium", *options, "about:blank"], close_fds=False,
            preexec_fn=arrange, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(ours)
        os.close(out)
        self.to, self.back = its, back
        self.rest, self.number, self.session = b"", 0, None
        self.requests, self.complaints = [], []
        target = self.call("Target.createTarget", url="about:blank")
        self.session = self.call("Target.attachToTarget", flatten=True,
                                 targetId=target["targetId"])["sessionId"]
        for domain in "Page", "Runtime", "Network", "Log":
            self.call(domain + ".enable")

    def receive(self):
        while b"\0" not in self.rest:
            data = os.read(self.back, 1 << 16)
            if not data:
                sys.exit("chromium ended")
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            entry = params["entry"]
            if entry["level"] in ("warning", "error"):
                self.complaints.append(entry["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") != self.number:
                self.note(answer)
                continue
            if "error" in answer:
                sys.exit("%s: %s" % (method, answer["error"]["message"]))
            return answer["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)
        while self.receive_event() != "Page.loadEventFired":
            pass

    def receive_event(self):
        message = self.receive()
        self.note(message)
        return message.get("method")

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            return answer["exceptionDetails"]["exception"]["description"]
        return answer["result"].get("value")

    def shot(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = dict(x=0, y=0, width=size["width"], height=size["height"],
                    scale=1)
        answer = self.call("Page.captureScreenshot", format="png", clip=clip,
                           captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def prefer(self, scheme):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])


def do(browser, line):
    verb, _, operand = line.rstrip("\n").partition(" ")
    if verb == "eval":
        return browser.evaluate(operand)
    if verb == "shot":
        return browser.shot(operand)
    if verb == "size":
        width, height = map(int, operand.split())
        return browser.call("Emulation.setDeviceMetricsOverride", width=width,
                            height=height, deviceScaleFactor=1,
                            mobile=width < 600) and None
    if verb in ("dark", "light"):
        return browser.prefer(verb)
    if verb == "scripts":
        browser.call("Emulation.setScriptExecutionDisabled",
                     value=operand == "off")
        return None
    if verb == "open":
        return browser.open(operand)
    if verb in ("requests", "complaints"):
        browser.evaluate("0")
        return getattr(browser, verb)
    sys.exit("no such command: " + verb)


def main():
    pipe, url = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            browser.open(url)
            print("open", flush=True)
            with open(pipe) as commands:
                for line in commands:
                    print(json.dumps(do(browser, line)), flush=True)
        finally:
            browser.process.kill()
            browser.process.wait()


main()
