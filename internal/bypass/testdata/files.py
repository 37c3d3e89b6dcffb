"""Ways to read the secret, and to change the ledger, from Python."""
import ctypes
import os
import sys

from attempt import LEDGER, SECRET, leak


def plain():
    with open(SECRET) as f:
        leak(f.read())


def dir_fd():
    leak(os.read(os.open("token", os.O_RDONLY, dir_fd=os.open("/srv/secret", os.O_RDONLY)), 100))


def path_fd():
    leak(os.read(os.open("/proc/self/fd/%d" % os.open(SECRET, os.O_PATH), os.O_RDONLY), 100))


def file_io():
    import _io

    leak(_io.FileIO(SECRET).read())


def code():
    import io

    leak(io.open_code(SECRET).read())


def fopen():
    libc = ctypes.CDLL("libc.so.6")
    libc.fopen.restype = ctypes.c_void_p
    stream = libc.fopen(SECRET.encode(), b"r")
    if not stream:
        raise SystemExit("fopen failed")
    text = ctypes.create_string_buffer(100)
    libc.fgets(text, 100, ctypes.c_void_p(stream))
    leak(text.value)


def syscall():
    libc = ctypes.CDLL(None)
    leak(os.read(libc.syscall(257, -100, SECRET.encode(), 0), 100))


def mapped():
    import mmap

    with open(SECRET, "rb") as f:
        leak(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:])


def sqlite():
    import sqlite3

    # Not a database: what is read shows in no answer, so the proof is that the file is changed by a write.
    with open(LEDGER, "r+") as f:
        f.write("0")
    sqlite3.connect(LEDGER).close()


def shutil_move():
    import shutil

    shutil.move(LEDGER, "/srv/work/taken")


globals()[sys.argv[1]]()
