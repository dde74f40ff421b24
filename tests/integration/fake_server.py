"""A server with OpenAI's interface, for tests."""

import http.server
import json
import threading

from program import ROWS


class Server(http.server.ThreadingHTTPServer):
    """A server with OpenAI's interface. `reply(path, body)`, called by one thread for each
    request, gives (status, JSON or text, headers ...); None closes the connection instead."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.seen = []  # (path, headers, body)
        self.lock = threading.Lock()
        self.answers = {f"{head} {tail}": label for head, tail, label, _ in ROWS}
        self.reply = self.good_reply

    def good_reply(self, path, body):
        if path == "/v1/models":
            return 200, {"data": [{"id": "only"}]}
        if path == "/v1/chat/completions":
            text = self.answer(body["messages"][0]["content"])
            return 200, {"choices": [{
                "message": {"role": "assistant", "content": text}, "finish_reason": "stop",
                "logprobs": {"content": [{"token": text, "logprob": -0.5}]}}]}
        text = self.answer(body["prompt"])
        return 200, {"choices": [{"text": text, "finish_reason": "stop",
                                  "logprobs": {"token_logprobs": [-0.25, -0.25]}}]}

    def answer(self, prompt):
        return next(label for pair, label in self.answers.items() if f"{pair}:" in prompt)

    def bodies(self):
        return [body for path, _, body in self.seen if path.endswith("completions")]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.handle_request(None)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.handle_request(json.loads(self.rfile.read(length)))

    def handle_request(self, body):
        with self.server.lock:
            self.server.seen.append((self.path, dict(self.headers), body))
        answer = self.server.reply(self.path, body)
        if answer is None:  # closes the connection
            self.close_connection = True
            return
        status, reply, *headers = answer
        data = reply if isinstance(reply, str) else json.dumps(reply)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data.encode())))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *_):
        pass
