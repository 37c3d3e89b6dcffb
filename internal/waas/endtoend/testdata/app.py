import base64
import io
import os
import subprocess
import sys


def handler(event, context):
    print("seen " + context.aws_request_id)
    where = event.get("rawPath") if isinstance(event, dict) else None
    if where == "/large":
        return {"statusCode": 200, "body": "0123456789abcdef" * 300_000}
    if where == "/binary":
        return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(bytes(range(256)) * 64).decode()}
    if where == "/unicode":
        print("Žluťoučký kůň 🐎 \u2028 ende")
        return {"body": "Žluťoučký kůň 🐎 \u2028 \" \\ \u0000 </script>", "🐎": [1.5, None, True]}
    if where == "/error":
        raise ValueError("no such item: 42 ‹🐎›")
    if where == "/log":
        print('{"level":"info","msg":"mine","type":"sqli"}')
        print("to standard error", file=sys.stderr, flush=True)
        print("an unfinished", end=" ", flush=True)
        print("line")
        return "logged"
    if where == "/none":
        return None
    if where == "/file":
        return io.BytesIO(bytes(range(256)) * 12_000)
    if where == "/run":
        return subprocess.run(["/bin/true"]).returncode
    if where == "/exit":
        os._exit(3)
    return {"statusCode": 200, "headers": {"x-b": "1", "X-A": "2"}, "cookies": ["a=b"], "event": event}
