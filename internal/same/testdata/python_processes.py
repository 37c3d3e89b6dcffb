# Every way of starting processes that Python has.
import asyncio, concurrent.futures, multiprocessing, os, pty, signal, subprocess, sys, threading

def square(n):
    return n * n

def child(q):
    q.put(os.environ.get("MARK", "none"))

async def several():
    procs = [await asyncio.create_subprocess_exec("echo", str(i), stdout=subprocess.PIPE) for i in range(5)]
    return [(await p.communicate())[0] for p in procs]

if __name__ == "__main__":
    print(subprocess.run(["echo", "a b"], capture_output=True), os.system("exit 3") >> 8, os.popen("echo popen").read())
    print(subprocess.run("echo $0 $MARK | tr a-z A-Z", shell=True, capture_output=True, env={"MARK": "clean", "PATH": os.environ["PATH"]}).stdout)
    print(subprocess.run(["env", "-i", "sh", "-c", "echo still; exit 4"], capture_output=True))
    print(subprocess.run(["env"], capture_output=True, env={"ONLY": "this"}).stdout)
    for bad in (["/no/such/program"], ["/etc/passwd"], ["/"]):
        try:
            subprocess.run(bad)
        except OSError as e:
            print(bad, e.errno)
    pid = os.fork()
    if pid == 0:
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], {"A": "1"})
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    pid = os.fork()
    if pid == 0:
        os.execve("/bin/sh", ["sh", "-c", "kill -9 $$"], {})
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print(asyncio.run(several()))
    for how in ("fork", "spawn", "forkserver"):
        ctx = multiprocessing.get_context(how)
        with ctx.Pool(2) as pool:
            print(how, pool.map(square, range(8)))
        q = ctx.Queue(); p = ctx.Process(target=child, args=(q,)); p.start(); print(q.get()); p.join(); print(p.exitcode)
    with concurrent.futures.ProcessPoolExecutor(2) as ex:
        print(list(ex.map(square, range(5))))
    out = []
    ts = [threading.Thread(target=lambda i=i: out.append(subprocess.run(["sh", "-c", f"exit {i}"]).returncode)) for i in range(12)]
    [t.start() for t in ts]; [t.join() for t in ts]; print(sorted(out))
    p = subprocess.Popen(["sleep", "30"]); p.send_signal(signal.SIGTERM); print(p.wait())
    fds = []
    r, w = os.pipe(); os.set_inheritable(w, True)
    print(subprocess.run(["sh", "-c", f"echo through >&{w}"], pass_fds=[w]).returncode, os.read(r, 100))
    print(subprocess.run(["sh", "-c", "ls /proc/self/fd | head -3 | tr '\\n' ' '"], capture_output=True).stdout)
    sys.stdout.flush()
    os.execvp("echo", ["echo", "the", "end"])
