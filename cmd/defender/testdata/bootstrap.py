"""A runtime: each event is Python that sets `result`."""
import http.client, json, os, sys

def call(method, path, body=None):
    conn = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    conn.request(method, "/2018-06-01/runtime/" + path, body)
    answer = conn.getresponse()
    return answer.headers, answer.read()

while True:
    headers, event = call("GET", "invocation/next")
    scope = {"result": None}
    try:
        exec(json.loads(event), scope)
        kind, body = "response", json.dumps(scope["result"])
    except BaseException as e:
        kind, body = "error", json.dumps({"errorType": type(e).__name__, "errorMessage": str(e)})
    call("POST", "invocation/" + headers["Lambda-Runtime-Aws-Request-Id"] + "/" + kind, body)
