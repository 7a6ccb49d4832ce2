"""A headless Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""
import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request


def is_there():
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


class Browser:
    """Use it as a context manager. No page that it opens can reach a network."""

    def __init__(self, width=1280, height=900):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        port = next(line.split("port ")[1].strip(" .\n") for line in self.driver.stdout
                    if "started successfully on port" in line)
        self.address = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--window-size={width},{height}"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": shutil.which("chromium"),
                                                                  "args": arguments},
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{session['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._ask("DELETE", self.session)
        finally:
            self.driver.kill()
            self.driver.wait()
            self.driver.stdout.close()

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self.address + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.loads(error.read())["value"]["message"]) from None

    def open(self, path):
        self._ask("POST", self.session + "/url", {"url": path.resolve().as_uri()})

    def run(self, script):
        """What the body of a function gives back in the page."""
        return self._ask("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def command(self, name, **parameters):
        """A command of the browser's debugging protocol."""
        return self._ask("POST", self.session + "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def look(self, width, height=900, scheme="light", media=""):
        """The size of the window, and the reader's colour scheme; media is "print" or empty."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", media=media,
                     features=[{"name": "prefers-color-scheme", "value": scheme}])

    def console(self):
        """What the page reported since the last call."""
        return [f"{entry['level']}: {entry['message']}"
                for entry in self._ask("POST", self.session + "/se/log", {"type": "browser"})]

    def requests(self):
        """Addresses that were asked for since the last call."""
        entries = self._ask("POST", self.session + "/se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in entries]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def picture(self, path):
        """The whole page as a PNG file, however long it is."""
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))
