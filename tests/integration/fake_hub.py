"""A Hugging Face hub, for tests: what `relata pull` asks for, and faults on request."""

import hashlib
import http.server
import json
import threading
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def blob_id(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub(http.server.ThreadingHTTPServer):
    """Repositories by name, each {path: content}; what ends in .safetensors or .gguf is "large": it
    has a SHA-256, and is sent by `store`, another server, where there is one."""

    def __init__(self, repos):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repos = repos
        self.token = None  # needed to read anything
        self.store = None
        self.revisions = {"main": COMMIT}
        self.seen = []  # (path, headers)
        self.cut = {}  # path: after so many bytes the connection ends, once
        self.sends_ranges = True
        self.busy = 0  # so many answers of 503 first
        self.listing = lambda value: value  # changes what /api answers
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def handle_error(self, request, client_address):
        pass  # a client that closes is what tests do

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def files_asked(self):
        return [path for path, _ in self.seen if "/resolve/" in path]


def is_large(path):
    return path.endswith((".safetensors", ".gguf"))


def entry(path, content):
    value = {"rfilename": path, "size": len(content), "blobId": blob_id(content)}
    if is_large(path):
        value["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content),
                        "pointerSize": 130}
    return value


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):  # relata does not ask it; huggingface_hub learns a file's hash so
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        content = self.server.repos.get("/".join(parts[:2]), {}).get("/".join(parts[4:]))
        found = parts[2:3] == ["resolve"] and content is not None
        self.send_response(200 if found else 404)
        if found:
            about = entry(parts[-1], content)
            self.send_header("ETag", f'"{about.get("lfs", {}).get("sha256", about["blobId"])}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()

    def do_GET(self):
        hub = self.server
        path = unquote(urlsplit(self.path).path)
        hub.seen.append((path, dict(self.headers)))
        if hub.busy > 0:
            hub.busy -= 1
            return self.answer(503, b"busy")
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self.answer(401, b'{"error": "Invalid credentials"}')
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and len(parts) >= 6 and parts[4] == "revision":
            return self.list("/".join(parts[2:4]), "/".join(parts[5:]))
        if len(parts) > 4 and parts[2] == "resolve":
            return self.send("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        return self.answer(404, b"no such page")

    def answer(self, status, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def list(self, repo, revision):
        hub = self.server
        commit = hub.revisions.get(revision)
        if repo not in hub.repos or commit is None:
            return self.answer(404, b'{"error": "Repository not found"}')
        assert parse_qs(urlsplit(self.path).query) == {"blobs": ["true"]}
        files = [entry(path, content) for path, content in hub.repos[repo].items()]
        value = hub.listing({"id": repo, "sha": commit, "siblings": files, "private": False})
        return self.answer(200, value if isinstance(value, bytes) else json.dumps(value).encode())

    def send(self, repo, commit, path):
        hub = self.server
        content = hub.repos.get(repo, {}).get(path)
        if content is None or hub.revisions.get(commit, commit) != COMMIT:
            return self.answer(404, b"Entry not found")
        if is_large(path) and hub.store is not None:
            return self.answer(302, b"moved", [("Location", hub.store.url + self.path)])
        begin = 0
        wanted = self.headers.get("Range")
        if wanted and hub.sends_ranges:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                return self.answer(416, b"")
        part = content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(part)))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        cut = hub.cut.pop(path, None)
        self.wfile.write(part if cut is None else part[:cut])
        return None
