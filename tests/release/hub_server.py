"""A stand-in for a Hugging Face hub on loopback: what huggingface_hub asks of it to upload one dataset repository.

Small files come in the commit, large ones by Git LFS beforehand, as the hub does it. What arrives is kept by the
hash of its bytes; a commit that names a large file which did not arrive is refused, and so is one whose parent is
not the head.
"""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_a_token_that_nobody_may_see"

Entry = dict[str, object]


@dataclass
class Repository:
    """Commits by their id, in order, each a tree of entries by path; tags; and bytes by SHA-256."""

    name: str = "team/sar-text"
    commits: dict[str, dict[str, Entry]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    def content(self, path: str, revision: str = "main") -> bytes:
        return self.objects[str(self.tree(revision)[path]["sha256"])]

    def tree(self, revision: str) -> dict[str, Entry]:
        return self.commits[self.head if revision == "main" else self.tags.get(revision, revision)]

    def commit(self, tree: dict[str, Entry]) -> str:
        text = json.dumps(
            [len(self.commits), {path: entry["oid"] for path, entry in tree.items()}], sort_keys=True
        )
        name = hashlib.sha1(text.encode()).hexdigest()
        self.commits[name] = tree
        return name

    def put(self, content: bytes, *, large: bool) -> Entry:
        digest = hashlib.sha256(content).hexdigest()
        self.objects[digest] = content
        pointer = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
        )
        blob = pointer if large else content
        entry: Entry = {"sha256": digest, "size": len(content)}
        entry["oid"] = hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()
        if large:
            entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": len(pointer)}
        return entry


class Hub(ThreadingHTTPServer):
    """The server; ``repositories`` by name, and what a test changes of its answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.before_commit = lambda repository: None
        self.refuse_uploads = False
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        self.answer_to("GET")

    def do_HEAD(self) -> None:
        self.answer_to("HEAD")

    def do_POST(self) -> None:
        self.answer_to("POST")

    def do_PUT(self) -> None:
        self.answer_to("PUT")

    def log_message(self, *arguments: object) -> None:
        pass

    def answer_to(self, method: str) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[0] != "objects" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.reply(401, {"error": "Invalid username or password."})
        with self.server.lock:
            match (method, *parts):
                case ("POST", "api", "validate-yaml"):
                    self.reply(200, {"errors": [], "warnings": []})
                case ("POST", "api", "repos", "create"):
                    self.create(json.loads(body))
                case ("PUT", "objects", owner, name, digest):
                    self.receive(self.server.repositories[f"{owner}/{name}"], digest, body)
                case ("POST", "datasets", owner, name, "info", "lfs", "objects", "batch"):
                    self.batch(f"{owner}/{name.removesuffix('.git')}", json.loads(body))
                case (_, "api", "datasets", owner, name, *rest) if f"{owner}/{name}" in self.server.repositories:
                    self.of_repository(method, self.server.repositories[f"{owner}/{name}"], rest, body)
                case (_, "datasets", owner, name, "resolve", revision, *path):
                    self.resolve(method, self.server.repositories[f"{owner}/{name}"], revision, "/".join(path))
                case _:
                    self.reply(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    def create(self, wanted: dict[str, str]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        url = f"{self.server.address}/datasets/{name}"
        if name in self.server.repositories:
            return self.reply(409, {"error": "You already created this dataset repo", "url": url})
        repository = self.server.repositories[name] = Repository(name)
        repository.commit({".gitattributes": repository.put(b"*.parquet filter=lfs\n", large=False)})
        self.reply(200, {"url": url, "name": name, "id": name})

    def of_repository(self, method: str, repository: Repository, rest: list[str], body: bytes) -> None:
        match (method, *rest):
            case ("GET", "refs"):
                tags = [
                    {"name": name, "ref": f"refs/tags/{name}", "targetCommit": commit}
                    for name, commit in repository.tags.items()
                ]
                main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head}
                self.reply(200, {"branches": [main], "converts": [], "tags": tags})
            case ("GET", "tree", revision):
                tree = repository.tree(revision)
                shown = ({name: entry[name] for name in entry if name != "sha256"} | {"path": path, "type": "file"}
                         for path, entry in tree.items())  # fmt: skip
                self.reply(200, list(shown))
            case ("POST", "preupload", _):
                files = json.loads(body)["files"]
                modes = {True: "lfs", False: "regular"}
                shown = [
                    {
                        "path": file["path"],
                        "uploadMode": modes[file["path"].endswith(".parquet")],
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
                self.reply(200, {"files": shown})
            case ("POST", "commit", "main"):
                self.commit(repository, [json.loads(line) for line in body.splitlines()])
            case ("POST", "tag", revision):
                name = json.loads(body)["tag"]
                if name in repository.tags:
                    return self.reply(409, {"error": "Tag exists"})
                repository.tags[name] = revision
                self.reply(200, {})
            case ("GET",):
                self.reply(200, {"id": "x/y", "sha": repository.head, "siblings": [], "tags": [], "private": False,
                                 "disabled": False, "downloads": 0, "likes": 0})  # fmt: skip
            case _:
                self.reply(404, {"error": "Not found"})

    def batch(self, name: str, asked: dict[str, list[dict[str, object]]]) -> None:
        repository = self.server.repositories[name]
        answers = []
        for item in asked["objects"]:
            answer = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in repository.objects:
                answer["actions"] = {"upload": {"href": f"{self.server.address}/objects/{name}/{item['oid']}"}}
            answers.append(answer)
        self.reply(200, {"transfer": "basic", "objects": answers})

    def receive(self, repository: Repository, digest: str, body: bytes) -> None:
        if self.server.refuse_uploads or hashlib.sha256(body).hexdigest() != digest:
            return self.reply(403, {"error": f"not for {TOKEN}"})
        repository.received.append(digest)
        repository.objects[digest] = body
        self.reply(200, {})

    def commit(self, repository: Repository, lines: list[dict[str, dict[str, str]]]) -> None:
        self.server.before_commit(repository)
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit") not in {None, repository.head}:
            return self.reply(412, {"error": "A commit has happened since. Please refresh and try again."})
        tree = dict(repository.tree("main"))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = repository.put(base64.b64decode(value["content"]), large=False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in repository.objects:
                    return self.reply(400, {"error": "LFS pointer to an object that does not exist"})
                tree[value["path"]] = repository.put(repository.objects[value["oid"]], large=True)
            elif line["key"] == "deletedFile":
                del tree[value["path"]]
        name = repository.commit(tree)
        self.reply(
            200,
            {
                "commitUrl": f"{self.server.address}/datasets/{repository.name}/commit/{name}",
                "commitOid": name,
                "success": True,
            },
        )

    def resolve(self, method: str, repository: Repository, revision: str, path: str) -> None:
        entry = repository.tree(revision)[path]
        commit = repository.head if revision == "main" else repository.tags.get(revision, revision)
        headers = {"ETag": f'"{entry["oid"]}"', "X-Repo-Commit": commit}
        self.send(200, repository.content(path, revision), headers, method)

    def reply(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}, "")

    def send(self, status: int, content: bytes, headers: dict[str, str], method: str) -> None:
        self.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, text)
        self.end_headers()
        if method != "HEAD":
            self.wfile.write(content)
