"""Stands in for a function's code that the simulator doesn't have. It does what the event asks for, so that a
policy can be seen to hold: {"run": ["id"]}, {"resolve": "example.com"}, {"connect": "192.0.2.1:443"},
{"read": "/etc/passwd"}, {"write": "/tmp/x"}. Anything else is echoed."""

import socket
import subprocess


def run(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return {"exit": done.returncode, "output": done.stdout.decode(errors="replace")[-2000:]}


def resolve(name):
    return sorted({found[4][0] for found in socket.getaddrinfo(name, 443)})


def connect(address):
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as connection:
        return "connected to %s:%d" % connection.getpeername()[:2]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(2000)


def write(path):
    with open(path, "w", encoding="utf-8") as file:
        return "wrote %d characters" % file.write("written by a function\n")


ACTS = {"run": run, "resolve": resolve, "connect": connect, "read": read, "write": write}


def handler(event, context):
    if not isinstance(event, dict):
        return event
    done = {}
    for name, act in ACTS.items():
        if name not in event:
            continue
        try:
            done[name] = act(event[name])
        except (OSError, subprocess.SubprocessError) as error:
            done[name] = {"error": f"{type(error).__name__}: {error}"}
    return done or {"function": context.function_name, "event": event}
