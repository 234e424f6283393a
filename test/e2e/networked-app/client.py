# Asks a URL many times, and prints who has answered how often: {"web.1": 5, "web.2": 5}. By the proxy of the environment, as
# Python's own client does; without it with `direct` as the last argument. A request that fails ends it, with one line.
import collections, json, sys, time, urllib.request

url, times = sys.argv[1], int(sys.argv[2])
direct = sys.argv[-1] == 'direct'
opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if direct else []))
answers = collections.Counter()
for number in range(times):
    began = time.monotonic()
    try:
        with opener.open(url, timeout=10) as response:
            answers[json.load(response)['instance']] += 1
    except Exception as error:
        said = ' '.join(error.read().decode(errors='replace').split()) if hasattr(error, 'read') else ''
        way = 'directly' if direct else 'by the proxy'
        what = f'{error} {said}'.strip()
        after = f'after {time.monotonic() - began:.1f} s'
        sys.exit(f'{url} {way}, request {number + 1} of {times}: {what} {after}; before it {json.dumps(answers)}')
print(json.dumps(answers))
