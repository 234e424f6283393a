"""Carts, in redis: POST /<customer>/<product> adds one, GET /<customer> shows them, DELETE /<customer> empties it."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from redis import Redis


class Cart(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.with_redis(lambda redis, customer, _: {} if customer == "health" and redis.call("PING") else self.cart(redis, customer))

    def do_POST(self):
        def add(redis, customer, product):
            redis.call("HINCRBY", "cart:" + customer, product, 1)
            return self.cart(redis, customer)

        self.with_redis(add)

    def do_DELETE(self):
        self.with_redis(lambda redis, customer, _: {"removed": redis.call("DEL", "cart:" + customer)})

    def cart(self, redis, customer):
        flat = redis.call("HGETALL", "cart:" + customer)
        return {product: int(count) for product, count in zip(flat[::2], flat[1::2])}

    def with_redis(self, work):
        customer, _, product = self.path.strip("/").partition("/")
        self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            redis = Redis(os.environ["CACHE_URL"])
            try:
                self.send(200, work(redis, customer, product))
            finally:
                redis.close()
        except OSError as error:
            self.send(503, {"error": "redis: %s" % error})

    def send(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
port = int(os.environ["PORT"])
print("cart listens on %d" % port, flush=True)
ThreadingHTTPServer(("", port), Cart).serve_forever()
