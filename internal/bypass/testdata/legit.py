"""What every rule of these tests allows. It ends with 0 when all of it works."""
import os
import socket
import subprocess
import sys
import threading

from attempt import leak  # noqa: F401, the mark that it began

with open("/srv/work/harmless") as f:
    assert f.read() == "nothing to see\n"
with open("/tmp/own", "w") as f:
    f.write("text")
os.rename("/tmp/own", "/tmp/renamed")
os.unlink("/tmp/renamed")
assert "secret" in os.listdir("/srv")
os.stat("/srv/secret/token")

address = socket.getaddrinfo("good.example", 8080, socket.AF_INET, socket.SOCK_STREAM)[0][4]
with socket.create_connection(address, timeout=5) as s:
    s.sendall(b"hello")

server = socket.create_server(("127.0.0.1", 9443))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"), daemon=True).start()
with socket.create_connection(("127.0.0.1", 9443), timeout=5) as s:
    assert s.recv(5) == b"hello"

if sys.argv[1] != "main-only":
    assert subprocess.run(["/bin/sh", "-c", "cat /srv/work/harmless | wc -c"], capture_output=True, check=True).stdout.strip() == b"15"
pid = os.fork()
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
pid = os.fork()
if pid == 0:
    while True:
        pass
os.kill(pid, 9)
assert os.waitpid(pid, 0)[1] == 9
print("all of it works")
