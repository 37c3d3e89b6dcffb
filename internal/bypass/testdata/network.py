"""Ways to reach the denied host from Python, and to have the denied name resolved."""
import sys

from attempt import EVIL


def urllib_get():
    import urllib.request

    urllib.request.urlopen("http://%s:8080/" % EVIL, timeout=0.3)


def asyncio_open():
    import asyncio

    async def main():
        _, writer = await asyncio.open_connection(EVIL, 8080)
        writer.write(b"hello")
        await writer.drain()

    asyncio.run(main())


def send_to():
    import socket

    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", (EVIL, 8080))


def name():
    import socket

    socket.getaddrinfo("evil.example", 80)


def name_ctypes():
    import ctypes

    found = ctypes.c_void_p()
    ctypes.CDLL("libc.so.6").getaddrinfo(b"evil.example", b"80", None, ctypes.byref(found))


globals()[sys.argv[1]]()
