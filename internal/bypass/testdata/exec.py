"""Ways to start the denied program from Python."""
import ctypes
import os
import shutil
import sys

from attempt import DENIED


def pointers(*items):
    return (ctypes.c_char_p * (len(items) + 1))(*[i.encode() for i in items], None)


def os_system():
    os.system(DENIED)


def subprocess_run():
    import subprocess

    subprocess.run([DENIED], env={}, close_fds=True)


def subprocess_shell():
    import subprocess

    subprocess.run("exec " + DENIED, shell=True, env={})


def fork_exec():
    import _posixsubprocess

    read, write = os.pipe()
    pid = _posixsubprocess.fork_exec(
        [b"denied"], [DENIED.encode()], True, (write,), None, None,
        -1, -1, -1, -1, -1, -1, read, write, False, False, -1,
        None, None, None, -1, None, False)
    os.waitpid(pid, 0)


def posix_spawn():
    pid = os.posix_spawn(DENIED, ["denied"], {})
    os.waitpid(pid, 0)


def execve():
    os.execve(DENIED, ["denied"], {})


def execve_fd():
    os.execve(os.open(DENIED, os.O_RDONLY), ["denied"], {})


def ctypes_none():
    ctypes.CDLL(None).execve(DENIED.encode(), pointers("denied"), pointers())


def ctypes_libc():
    ctypes.CDLL("libc.so.6").execve(DENIED.encode(), pointers("denied"), pointers())


def ctypes_path():
    ctypes.CDLL(libc_path()).execve(DENIED.encode(), pointers("denied"), pointers())


def libc_path():
    with open("/proc/self/maps") as maps:
        for line in maps:
            if "libc.so.6" in line or "libc-2" in line:
                return line.split()[-1]
    raise SystemExit("no libc")


def ctypes_copied_libc():
    """A copy of the C library that nobody prepared. It isn't initialized, but execve needs no initialization."""
    shutil.copy(libc_path(), "/tmp/innocent.so")
    ctypes.CDLL("/tmp/innocent.so").execve(DENIED.encode(), pointers("denied"), pointers())


def ctypes_syscall():
    ctypes.CDLL(None).syscall(59, DENIED.encode(), pointers("denied"), pointers())


def ctypes_dlmopen():
    libc = ctypes.CDLL(None)
    libc.dlmopen.restype = ctypes.c_void_p
    libc.dlsym.restype = ctypes.c_void_p
    handle = libc.dlmopen(ctypes.c_long(-1), b"libc.so.6", 2)
    if not handle:
        raise SystemExit("dlmopen failed")
    address = libc.dlsym(ctypes.c_void_p(handle), b"execve")
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)(address)(
        DENIED.encode(), ctypes.cast(pointers("denied"), ctypes.c_void_p), ctypes.cast(pointers(), ctypes.c_void_p))


def pty_spawn():
    import pty

    pty.spawn([DENIED])


def multiprocessing_child():
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    child = context.Process(target=os.execv, args=(DENIED, ["denied"]))
    child.start()
    child.join()


def isolated():
    """An interpreter without site packages and with an empty environment: no language hook is loaded."""
    program = "import os; os.execv(%r, ['denied'])" % DENIED
    os.spawnve(os.P_WAIT, sys.executable, ["python3", "-I", "-S", "-c", program], {})


def memfd():
    fd = os.memfd_create("innocent")
    with open(DENIED, "rb") as f:
        os.write(fd, f.read())
    os.execve("/proc/self/fd/%d" % fd, ["denied"], {})


def thread():
    import threading

    t = threading.Thread(target=execve)
    t.start()
    t.join()


def same_interpreter():
    """The function's own interpreter again, with another program."""
    os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", "open('/proof/ran', 'w').write('ran')"], os.environ)


def machine_code():
    """A page that is written, then run: mov eax,59; syscall; ret."""
    import mmap

    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x3b\x00\x00\x00\x0f\x05\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)(address)(
        DENIED.encode(), ctypes.cast(pointers("denied"), ctypes.c_void_p), ctypes.cast(pointers(), ctypes.c_void_p))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
