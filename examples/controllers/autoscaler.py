#!/usr/bin/env python3
"""A controller in sixty lines: keeps the factors of processes near `requests a second / rps`.

    pip install grpcio grpcio-tools googleapis-common-protos
    python3 -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. $(cd proto; ls gilliam/v1/*.proto)
    GILLIAM_API=127.0.0.1:4410 API_TOKEN=… python3 autoscaler.py
"""
import math
import os
import time

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from gilliam.v1 import formation_service_pb2 as fs, formation_service_pb2_grpc as fs_grpc
from gilliam.v1 import metrics_service_pb2 as ms, metrics_service_pb2_grpc as ms_grpc
from gilliam.v1 import scale_service_pb2 as ss, scale_service_pb2_grpc as ss_grpc

DOWN_AFTER = float(os.environ.get("DOWN_WINDOW_MS", "120000")) / 1000
channel = grpc.insecure_channel(os.environ["GILLIAM_API"], options=[("grpc.enable_http_proxy", 0)])
call = {"metadata": [("authorization", f"Bearer {os.environ['API_TOKEN']}")], "timeout": 10}
formations = fs_grpc.FormationServiceStub(channel)
metrics = ms_grpc.MetricsServiceStub(channel)
scales = ss_grpc.ScaleServiceStub(channel)
wanted = {}  # (formation, process) -> [(when, how many)], of the last DOWN_AFTER seconds


def decide(key, rule, factor, measured, now):
    """The factor that a process is to have: pure, but for what it remembers."""
    if rule.min > rule.max:
        return factor
    if factor == 0:
        return 1 if rule.min == 0 and sum(m.waiting for m in measured) > 0 else 0
    rates = [m.requests * 1000 / m.measured_ms for m in measured if m.measured_ms >= 8000]
    if not rates or not rule.target.requests_per_second:
        return factor
    need = math.ceil(sum(rates) / rule.target.requests_per_second)
    need = min(rule.max, max(rule.min, need))
    past = wanted.setdefault(key, [(now, factor)]) + [(now, need)]
    # Up at once, down only to what would have been enough all the time.
    wanted[key] = [(when, n) for when, n in past if now - when < DOWN_AFTER]
    return max(n for _, n in wanted[key])


def look(now):
    services = metrics.ListServiceMetrics(ms.ListServiceMetricsRequest(parent="formations/-"), **call).services
    for formation in formations.ListFormations(fs.ListFormationsRequest(), **call).formations:
        name = formation.metadata.name
        if not formation.spec.scaling:
            continue
        # `-` is the newest release; one that moves is left to its rollout: the API refuses the update.
        scale = scales.GetScale(ss.GetScaleRequest(name=f"formations/{name}/scales/-"), **call).scale
        for process, rule in formation.spec.scaling.items():
            measured = [m for m in services if (m.formation, m.service) == (name, process)]
            factor = scale.spec.factors.get(process, 0)
            to = decide((name, process), rule, factor, measured, now)
            if to == factor:
                continue
            print(f"{process}.{name}: {factor} -> {to}", flush=True)
            scale.spec.factors[process] = to  # with the revision that was read: nobody is overwritten
            mask = FieldMask(paths=[f"factors.{process}"])
            answer = scales.UpdateScale(ss.UpdateScaleRequest(scale=only(scale, process), update_mask=mask), **call)
            scale.CopyFrom(answer.scale)


def only(scale, process):
    asked = type(scale)(metadata=scale.metadata)
    asked.spec.factors[process] = scale.spec.factors[process]
    return asked


while True:
    try:
        look(time.monotonic())
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", flush=True)
    time.sleep(1)
