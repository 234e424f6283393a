"""POST {"customer": …, "lines": […]} sends a parcel."""

import itertools
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

numbers = itertools.count(1)


class Shipping(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send({"ok": True})

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        print("sent %d products to %s" % (len(order["lines"]), order["customer"]), flush=True)
        self.send({"parcel": "%s-%d" % (os.environ["GILLIAM_INSTANCE"], next(numbers))})

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
print("shipping listens on %d" % port, flush=True)
ThreadingHTTPServer(("", port), Shipping).serve_forever()
