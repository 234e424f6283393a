"""Takes mails from the queue of orders and prints them: a shop that only pretends sends none."""

import json
import os
import signal
import sys
import time

from redis import Redis

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
redis = None
while True:
    try:
        redis = redis or Redis(os.environ["QUEUE_URL"])
        taken = redis.call("BLPOP", "mails", 1)
        if taken:
            mail = json.loads(taken[1])
            print("to %s: %s" % (mail["customer"], mail["text"]), flush=True)
    except (OSError, RuntimeError) as error:
        print("queue: %s" % error, flush=True)
        redis = None
        time.sleep(1)
