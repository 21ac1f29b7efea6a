"""Wheels of a few lines each, and a package index that serves them: real files for a real uv, made in milliseconds."""

import contextlib
import functools
import hashlib
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str, *requires: str, module: str = "", text: str = "") -> Path:
    """A wheel that holds one module, which knows its version; `text` is further code in it."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        f"{module or name}/__init__.py": f"__version__ = {version!r}\n{text}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {r}\n" for r in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(file), content)
    return path


def sha256(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def served_index(folder: Path, upload_times: Mapping[str, str]) -> Iterator[str]:
    """The address of an index (PEP 691) of a folder's wheels; the upload times (PEP 700) are by file name, and may be
    left out.
    """
    handler = functools.partial(_Handler, folder, upload_times)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, folder: Path, upload_times: Mapping[str, str], *arguments: object) -> None:
        self._folder, self._upload_times = folder, upload_times
        super().__init__(*arguments)  # type: ignore[arg-type]  # what the server hands on

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name.endswith(".whl"):
            self._answer(200, "application/zip", (self._folder / name).read_bytes())
            return
        files = [self._file(path) for path in sorted(self._folder.glob(f"{name.replace('-', '_')}-*.whl"))]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}
        self._answer(200 if files else 404, "application/vnd.pypi.simple.v1+json", json.dumps(page).encode())

    do_HEAD = do_GET

    def _file(self, path: Path) -> dict[str, object]:
        uploaded = {"upload-time": self._upload_times[path.name]} if path.name in self._upload_times else {}
        hashes = {"sha256": sha256(path).removeprefix("sha256:")}
        return {
            "filename": path.name,
            "url": f"/{path.name}",
            "hashes": hashes,
            "size": path.stat().st_size,
            **uploaded,
        }

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: pytest's output is for failures."""
