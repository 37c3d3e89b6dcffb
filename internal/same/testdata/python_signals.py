# Signals: handlers, masks, alarms, EINTR, job control, default actions, signalfd's like.
import os, signal, subprocess, sys, threading, time
seen = []
for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGWINCH):
    signal.signal(s, lambda n, f: seen.append(signal.Signals(n).name))
os.kill(os.getpid(), signal.SIGUSR1); os.kill(os.getpid(), signal.SIGTERM); signal.raise_signal(signal.SIGHUP)
signal.setitimer(signal.ITIMER_REAL, 0.02); time.sleep(0.2); signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR2)
print(seen)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for i in range(300):
    open("/etc/hostname").close(); os.stat("/etc/passwd")
for i in range(15):
    subprocess.run(["true"], check=True)
signal.setitimer(signal.ITIMER_REAL, 0); print("ALRM" in " ".join(seen))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); os.kill(os.getpid(), signal.SIGUSR1); print(signal.sigpending()); print(signal.sigwait([signal.SIGUSR1]))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []) == {signal.SIGUSR1}, signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGCHLD))
p = subprocess.Popen(["sh", "-c", "trap 'echo caught; exit 6' TERM; echo ready; while :; do sleep 0.05; done"], stdout=subprocess.PIPE); p.stdout.readline(); p.terminate(); print(p.stdout.read(), p.wait())
p = subprocess.Popen(["sleep", "5"]); p.send_signal(signal.SIGSTOP); print(os.WIFSTOPPED(os.waitpid(p.pid, os.WUNTRACED)[1])); p.send_signal(signal.SIGCONT); p.kill(); print(p.wait())
sys.stdout.flush(); signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)
