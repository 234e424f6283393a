# Asks a URL many times, and prints who has answered how often: {"web.1": 5, "web.2": 5}. By the proxy of the environment, as
# Python's own client does; without it with `direct` as the last argument.
import collections, json, sys, urllib.request

url, times = sys.argv[1], int(sys.argv[2])
handlers = [urllib.request.ProxyHandler({})] if sys.argv[-1] == 'direct' else []
opener = urllib.request.build_opener(*handlers)
answers = collections.Counter()
for _ in range(times):
    with opener.open(url, timeout=10) as response:
        answers[json.load(response)['instance']] += 1
print(json.dumps(answers))
