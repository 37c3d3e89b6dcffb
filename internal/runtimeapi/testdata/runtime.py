# A runtime in Python: keep-alive by http.client, one connection a request by urllib, streaming with trailers by hand.
import http.client, json, os, socket, urllib.request

api = os.environ["AWS_LAMBDA_RUNTIME_API"]
base = "/2018-06-01/runtime/"


def show(*what):
    print(json.dumps(what, sort_keys=True))


conn = http.client.HTTPConnection(api)
for size in (0, 2, 100_000):
    conn.request("GET", base + "invocation/next", headers={"User-Agent": "aws-lambda-python/3.11"})
    r = conn.getresponse()
    body = r.read()
    request_id = r.getheader("Lambda-Runtime-Aws-Request-Id")
    show(r.status, r.version, [h for h in r.getheaders() if h[0] != "Date"], len(body))
    conn.request("POST", base + "invocation/" + request_id + "/response", "x" * size, {"Content-Type": "application/json"})
    r = conn.getresponse()
    show(r.status, r.read().decode())

# Without a length, http.client sends chunks.
conn.request("POST", base + "invocation/1/response", (c for c in (b"a", b"b" * 70_000)), {"Lambda-Runtime-Function-Response-Mode": "streaming"}, encode_chunked=True)
r = conn.getresponse()
show(r.status, r.read().decode())
conn.request("POST", base + "invocation/2/error", '{"errorMessage":"no","errorType":"E"}', {"Lambda-Runtime-Function-Error-Type": "Runtime.E"})
r = conn.getresponse()
show(r.status, r.read().decode())
conn.close()

# One connection a request, ended by "Connection: close".
for path in ("invocation/next", "restore/next", "nothing/here?a=b"):
    try:
        with urllib.request.urlopen("http://" + api + base + path) as r:
            show(r.status, len(r.read()))
    except urllib.error.HTTPError as e:
        show(e.code, e.read().decode())

# Trailers, which http.client can't send; and a length that is asked for first.
host, port = api.split(":")
with socket.create_connection((host, int(port))) as s:
    f = s.makefile("rb")
    s.sendall(("POST " + base + "invocation/3/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
               "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
               "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n").encode())
    for part in ("hello ", "world"):
        s.sendall(b"%x\r\n%s\r\n" % (len(part), part.encode()))
    s.sendall(b"0\r\nLambda-Runtime-Function-Error-Type: Runtime.Broken\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n")
    show(f.readline().decode())
with socket.create_connection((host, int(port))) as s:
    f = s.makefile("rb")
    s.sendall(("POST " + base + "invocation/4/response HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").encode())
    show(f.readline().decode())
    s.sendall(b"null")
    f.readline()
    show(f.readline().decode())
with socket.create_connection((host, int(port))) as s:
    s.sendall(("GET " + base + "invocation/next HTTP/1.0\r\n\r\n").encode())
    answer = s.makefile("rb").read()
    show(answer.split(b"\r\n")[0].decode(), len(answer.split(b"\r\n\r\n", 1)[1]))
