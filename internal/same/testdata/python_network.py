# Loopback TCP, UDP, UNIX sockets, TLS, asyncio servers, HTTP, failures and name resolution without a network.
import asyncio, errno, http.server, os, select, socket, ssl, subprocess, threading, urllib.request

def echo(server):
    c, _ = server.accept()
    with c:
        while data := c.recv(65536):
            c.sendall(data)

def tcp(family, address):
    s = socket.create_server((address, 0), family=family); t = threading.Thread(target=echo, args=(s,)); t.start()
    c = socket.create_connection(s.getsockname()[:2]); c.sendall(b"x" * 1000000); c.shutdown(socket.SHUT_WR)
    n = 0
    while data := c.recv(65536):
        n += len(data)
    t.join(); print(family.name, n, c.getpeername()[0], c.getpeername()[1] == s.getsockname()[1]); c.close(); s.close()

tcp(socket.AF_INET, "127.0.0.1")
if socket.has_ipv6:
    try:
        tcp(socket.AF_INET6, "::1")
    except OSError as e:
        print("ipv6", e.errno)
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(("127.0.0.1", 0)); b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b.sendto(b"hello", a.getsockname()); data, peer = a.recvfrom(100); print(data, peer[0]); a.sendto(b"back", peer); print(b.recvfrom(100)[0])
b.connect(a.getsockname()); b.send(b"connected"); print(a.recvmsg(100)[0])
u = socket.socket(socket.AF_UNIX); u.bind("sock"); u.listen(); c = socket.socket(socket.AF_UNIX); c.connect("sock"); d, _ = u.accept(); c.sendall(b"unix"); print(d.recv(10))
r, w = os.pipe(); socket.send_fds(c, [b"fd"], [w]); msg, fds, _, _ = socket.recv_fds(d, 10, 1); os.write(fds[0], b"passed"); print(msg, os.read(r, 10))
x, y = socket.socketpair(); x.sendmsg([b"a", b"b"]); print(y.recv(10))
n = socket.socket(socket.AF_UNIX); n.bind("\0autodefend-same-test"); n.listen(); m = socket.socket(socket.AF_UNIX); m.connect("\0autodefend-same-test"); print("abstract")
free = socket.socket(); free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]; free.close()
for address in (("127.0.0.1", port), ("256.1.1.1", 1)):
    try:
        socket.create_connection(address, timeout=5); print("connected")
    except OSError as e:
        print(type(e).__name__, e.errno)
nb = socket.socket(); nb.setblocking(False); srv = socket.create_server(("127.0.0.1", 0)); print(nb.connect_ex(srv.getsockname()) in (0, errno.EINPROGRESS)); select.select([], [nb], [], 5); print(nb.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
print(socket.gethostbyname("localhost"), sorted({i[4][0] for i in socket.getaddrinfo("localhost", 80, socket.AF_INET)}))
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "k", "-out", "c", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
        for _ in range(200):
            self.wfile.write(b"1000\r\n" + b"z" * 4096 + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")
    def log_message(self, *a):
        pass
web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler); tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); tls.load_cert_chain("c", "k")
web.socket = tls.wrap_socket(web.socket, server_side=True); threading.Thread(target=web.serve_forever, daemon=True).start()
trust = ssl.create_default_context(cafile="c")
for _ in range(5):
    print(len(urllib.request.urlopen(f"https://127.0.0.1:{web.server_port}/", context=trust).read()))
try:
    urllib.request.urlopen(f"https://127.0.0.1:{web.server_port}/", context=ssl.create_default_context()).read()
except OSError as e:
    print(type(e).__name__)
async def both():
    async def serve(r, w):
        w.write((await r.readline()).upper()); await w.drain(); w.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0); port = server.sockets[0].getsockname()[1]
    async def one(i):
        r, w = await asyncio.open_connection("127.0.0.1", port); w.write(b"line %d\n" % i); out = await r.read(); w.close(); return out
    print(await asyncio.gather(*(one(i) for i in range(20)))); server.close()
asyncio.run(both())
