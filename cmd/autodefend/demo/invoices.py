"""A function that renders invoices and trusts its callers, as too many do."""

import socket
import subprocess


def handler(event, context):
    try:
        return {"invoice": event.get("number", 0), "page": render(event)}
    except (OSError, subprocess.SubprocessError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def render(event):
    if "template" in event:  # any file
        with open(event["template"], encoding="utf-8") as file:
            return file.readline().strip()
    if "filter" in event:  # any command
        return output(event["filter"], shell=True)
    if "engine" in event:  # any program
        return output(event["engine"])
    if "logo" in event:  # any server
        return output(["wget", "-q", "-T", "3", "-t", "1", "-O", "-", event["logo"]])
    if "printer" in event:  # any address
        with socket.create_connection((event["printer"], 9100), timeout=2) as printer:
            return f"connected to {printer.getpeername()[0]}"
    return "Thank you for your order."


def output(command, shell=False):
    done = subprocess.run(command, shell=shell, capture_output=True, text=True, timeout=8, check=False)
    return (done.stdout + done.stderr).strip()[:200] or f"exit status {done.returncode}"
