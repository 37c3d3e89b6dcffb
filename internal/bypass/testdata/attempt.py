"""What all attempts in Python share."""
import os

DENIED = "/var/task/denied"
SECRET = "/srv/secret/token"
LEDGER = "/srv/secret/ledger"
EVIL = "203.0.113.7"

with open("/proof/begun", "w") as f:
    f.write(str(os.getpid()))


def leak(text):
    with open("/proof/leak", "ab") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
