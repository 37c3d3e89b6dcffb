# Modules with native parts, files, time zones, locale, exit handlers.
import atexit, ctypes, decimal, hashlib, json, math, mmap, os, platform, random, re, resource, select, sqlite3, ssl, struct, sys, tempfile, zlib

atexit.register(lambda: print("bye"))
print(sorted(k for k in os.environ if not k.startswith(("_", "AWS"))) == sorted(k for k in os.environ if not k.startswith(("_", "AWS"))))
print("LD_PRELOAD" in os.environ, "AUTODEFEND_SHIM" in os.environ, "TW_POLICY" in os.environ, "NODE_OPTIONS" in os.environ)
print(decimal.Decimal(1) / decimal.Decimal(7), hashlib.sha256(b"x" * 100000).hexdigest(), zlib.crc32(b"abc"))
print(ctypes.CDLL(None).getpid() == os.getpid(), ctypes.CDLL("libc.so.6").abs(-7), ssl.OPENSSL_VERSION.split()[0])
with tempfile.TemporaryDirectory(dir=".") as d:
    p = os.path.join(d, "a")
    with open(p, "wb") as f:
        f.write(os.urandom(4096)); f.truncate(8192)
    with open(p, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        m[:3] = b"abc"
    print(os.stat(p).st_size, open(p, "rb").read(3))
    os.symlink("a", os.path.join(d, "l")); os.link(p, os.path.join(d, "h")); os.rename(p, os.path.join(d, "b"))
    print(sorted(os.listdir(d)), os.readlink(os.path.join(d, "l")), os.path.exists(os.path.join(d, "l")))
    for name in ("no/such", "l", "h/x"):
        try:
            open(os.path.join(d, name))
        except OSError as e:
            print(name, e.errno)
    for flags in (os.O_CREAT | os.O_EXCL | os.O_WRONLY, os.O_RDONLY | os.O_DIRECTORY, os.O_RDONLY | os.O_NOFOLLOW):
        try:
            fd = os.open(os.path.join(d, "h"), flags); print("fd", fd); os.close(fd)
        except OSError as e:
            print(flags, e.errno)
    try:
        fd = os.open(d, os.O_TMPFILE | os.O_RDWR, 0o600); os.write(fd, b"t"); print("tmpfile", os.fstat(fd).st_size); os.close(fd)
    except OSError as e:
        print("tmpfile", e.errno)
    os.umask(0o027); fd = os.open(os.path.join(d, "m"), os.O_CREAT | os.O_WRONLY, 0o666); print(oct(os.fstat(fd).st_mode)); os.close(fd)
    os.chdir(d); dfd = os.open(".", os.O_RDONLY); fd = os.open("b", os.O_RDONLY, dir_fd=dfd); print("dirfd", os.fstat(fd).st_size); os.chdir("..")
db = sqlite3.connect("x.db"); db.execute("pragma journal_mode=wal"); db.execute("create table t(a)")
db.executemany("insert into t values(?)", ((i,) for i in range(1000))); db.commit()
print(db.execute("select sum(a) from t").fetchone(), sorted(os.listdir(".")))
r, w = os.pipe(); os.write(w, b"x"); print(select.select([r], [], [], 1)[0] == [r], os.read(r, 1))
print(sorted(int(f) for f in os.listdir("/proc/self/fd"))[:3], resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0)
print(os.getppid() != 0, os.getpgid(0) == os.getpgrp(), sys.flags.isolated, platform.system())
try:
    os.kill(os.getpid(), 0); os.kill(999999999, 0)
except OSError as e:
    print("kill", e.errno)
sys.exit(7)
