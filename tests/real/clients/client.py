"""Asks a gRPC health service with grpcio's own stubs, and prints one line for each answer.

    client.py [--ca FILE] TARGET check NAME...
    client.py [--ca FILE] TARGET watch NAME
    client.py [--ca FILE] TARGET list
    client.py [--ca FILE] TARGET call METHOD...
"""

import argparse

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def connect(target, ca):
    if ca is None:
        return grpc.insecure_channel(target)
    with open(ca, "rb") as file:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))


def name_of(response):
    return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


def check(channel, services):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in services:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            yield f"{service!r} {name_of(stub.Check(request, timeout=10))}"
        except grpc.RpcError as error:
            yield f"{service!r} {error.code().name}: {error.details()}"


def watch(channel, services):
    stub = health_pb2_grpc.HealthStub(channel)
    [service] = services
    try:
        for response in stub.Watch(health_pb2.HealthCheckRequest(service=service)):
            yield name_of(response)
    except grpc.RpcError as error:
        yield f"{error.code().name}: {error.details()}"


def list_all(channel, services):
    stub = health_pb2_grpc.HealthStub(channel)
    assert not services
    statuses = stub.List(health_pb2.HealthListRequest(), timeout=10).statuses
    for service in sorted(statuses):
        yield f"{service!r} {name_of(statuses[service])}"


def call(channel, methods):
    for method in methods:
        try:
            channel.unary_unary(f"/grpc.health.v1.Health/{method}")(b"", timeout=10)
            yield "OK"
        except grpc.RpcError as error:
            yield f"{error.code().name}: {error.details()}"


parser = argparse.ArgumentParser()
parser.add_argument("--ca")
parser.add_argument("target")
parser.add_argument("method", choices=["check", "watch", "list", "call"])
parser.add_argument("names", nargs="*")
arguments = parser.parse_args()

ask = {"check": check, "watch": watch, "list": list_all, "call": call}[arguments.method]
with connect(arguments.target, arguments.ca) as open_channel:
    for answer in ask(open_channel, arguments.names):
        print(answer, flush=True)
