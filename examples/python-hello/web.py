"""Answers every request with a greeting."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(os.environ.get("PORT", "8080"))
GREETING = os.environ.get("GREETING", "Hello")
INSTANCE = os.environ.get("GILLIAM_INSTANCE", "web")
RELEASE = os.environ.get("GILLIAM_RELEASE", "no release")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{GREETING} from {INSTANCE} of {RELEASE} on port {PORT}\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("", PORT), Handler)
server.daemon_threads = False  # whoever is being answered gets the whole answer
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"listening on port {PORT}")
server.serve_forever()
server.server_close()
