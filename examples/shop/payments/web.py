"""POST {"customer": …, "cents": …} charges a customer. VERSION is what the canary in the README changes."""

import itertools
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

numbers = itertools.count(1)


class Payments(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send({"version": os.environ.get("VERSION", "1"), "release": os.environ["GILLIAM_RELEASE"]})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        print("charged %s: %d" % (order["customer"], order["cents"]), flush=True)
        self.send({"payment": "%s-%d" % (os.environ["GILLIAM_INSTANCE"], next(numbers))})

    def send(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
port = int(os.environ["PORT"])
print("payments listens on %d" % port, flush=True)
ThreadingHTTPServer(("", port), Payments).serve_forever()
