/*
 * defender - ways to get rid of the Defender itself, or to speak in its name. In the run without it, a stand-in that
 * guards nothing takes its place: an ancestor of this process with a policy in its environment and a socket.
 *
 * build: defender gcc
 * build: defender-static gcc -static
 */
#include "attempt.h"
#include "wire.h"

#include <dirent.h>
#include <dlfcn.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/un.h>

/* ---- who the Defender is ---- */

#define MOST 64

/*
 * guards lists the processes that began before this one and are older than its parent, which is the Defender: in its name
 * space there are no others, but for the first, which belongs to root.
 */
static int guards(int *list)
{
	int n = 0;
	for (int pid = 2; pid <= getppid() && n < MOST; pid++)
		if (!kill(pid, 0) || errno != ESRCH)
			list[n++] = pid;
	if (n == 0)
		fprintf(stderr, "nobody above\n");
	return n;
}

/* linger: let the harness see what became of them. */
static void linger(void)
{
	usleep(150000);
}

static void each(void (*hit)(int pid))
{
	int list[MOST], n = guards(list);
	for (int i = 0; i < n; i++)
		hit(list[i]);
	linger();
}

/* ---- signals ---- */

static void hit_kill(int pid)
{
	if (kill(pid, SIGKILL))
		perror("kill");
}

static void hit_stop(int pid)
{
	if (kill(pid, SIGSTOP))
		perror("kill");
}

static void hit_tgkill(int pid)
{
	if (syscall(SYS_tgkill, pid, pid, SIGKILL))
		perror("tgkill");
}

static void hit_tkill(int pid)
{
	if (syscall(SYS_tkill, pid, SIGKILL))
		perror("tkill");
}

static void hit_queue(int pid)
{
	siginfo_t info = {.si_signo = SIGKILL, .si_code = SI_QUEUE};
	if (syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, &info))
		perror("rt_sigqueueinfo");
}

static void hit_pidfd(int pid)
{
	if (syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, pid, 0), SIGKILL, NULL, 0))
		perror("pidfd_send_signal");
}

/* A descriptor whose events raise a signal, and somebody else as its owner. */
static void hit_owner(int pid)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || fcntl(pair[0], F_SETSIG, SIGKILL) || fcntl(pair[0], F_SETOWN, pid) ||
	    fcntl(pair[0], F_SETFL, O_ASYNC) || write(pair[1], "x", 1) != 1)
		perror("fcntl");
}

static void hit_owner_ex(int pid)
{
	int pair[2];
	struct f_owner_ex owner = {F_OWNER_PID, pid};
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || fcntl(pair[0], F_SETSIG, SIGKILL) ||
	    fcntl(pair[0], F_SETOWN_EX, &owner) || fcntl(pair[0], F_SETFL, O_ASYNC) || write(pair[1], "x", 1) != 1)
		perror("fcntl");
}

static void by_kill(void) { each(hit_kill); }
static void by_stop(void) { each(hit_stop); }
static void by_tgkill(void) { each(hit_tgkill); }
static void by_tkill(void) { each(hit_tkill); }
static void by_queue(void) { each(hit_queue); }
static void by_pidfd(void) { each(hit_pidfd); }
static void by_owner(void) { each(hit_owner); }
static void by_owner_ex(void) { each(hit_owner_ex); }

/* Everybody but the caller. */
static void kill_all(void)
{
	if (kill(-1, SIGKILL))
		perror("kill");
	linger();
}

/* The whole group, from a process that has left it. */
static void kill_group(void)
{
	pid_t group = getpgrp();
	if (setpgid(0, 0))
		give_up("setpgid");
	if (kill(-group, SIGKILL))
		perror("kill");
	linger();
}

static void killpg_group(void)
{
	pid_t group = getpgrp();
	if (setpgid(0, 0))
		give_up("setpgid");
	if (killpg(group, SIGKILL))
		perror("killpg");
	linger();
}

/* Stopping one's own group by its short name; this process doesn't mind. */
static void stop_own_group(void)
{
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	if (kill(0, SIGTTIN))
		perror("kill");
	linger();
}

/* ---- memory and secrets ---- */

/* A writable place in another process. */
static unsigned long writable_in(int pid)
{
	char path[64], line[512];
	unsigned long from = 0, to;
	char mode[8];
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w')
			break;
	fclose(f);
	return from;
}

static void hit_trace(int pid)
{
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL)) {
		perror("ptrace");
		return;
	}
	won("attached");
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void hit_seize(int pid)
{
	if (syscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0))
		perror("ptrace");
	else
		won("seized");
}

static void hit_vm_write(int pid)
{
	char byte;
	struct iovec mine = {&byte, 1}, other = {(void *)writable_in(pid), 1};
	if (process_vm_readv(pid, &mine, 1, &other, 1, 0) == 1 && process_vm_writev(pid, &mine, 1, &other, 1, 0) == 1)
		won("written");
	else
		perror("process_vm_writev");
}

static void hit_mem(int pid)
{
	char path[64], byte;
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	int fd = open(path, O_RDWR);
	off_t at = (off_t)writable_in(pid);
	if (fd >= 0 && pread(fd, &byte, 1, at) == 1 && pwrite(fd, &byte, 1, at) == 1)
		won("written");
	else
		perror("/proc/PID/mem");
}

static void hit_environ(int pid)
{
	static char text[1 << 17];
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/environ", pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text);
	if (n > 0 && memmem(text, (size_t)n, "TW_POLICY=", 10))
		won("read");
}

static void hit_getfd(int pid)
{
	int other = (int)syscall(SYS_pidfd_open, pid, 0);
	for (int fd = 0; fd < 1024; fd++)
		if (syscall(438 /* pidfd_getfd */, other, fd, 0) >= 0) {
			won("taken");
			return;
		}
	perror("pidfd_getfd");
}

static void hit_proc_fd(int pid)
{
	char path[320];
	struct dirent *e;
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	DIR *d = opendir(path);
	if (!d) {
		perror(path);
		return;
	}
	while ((e = readdir(d))) {
		snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, e->d_name);
		if (e->d_name[0] != '.' && open(path, O_RDONLY | O_NONBLOCK) >= 0) {
			won("opened");
			break;
		}
	}
	closedir(d);
}

/* The kernel's killer is told whom to take first. */
static void hit_oom(int pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
	int fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, "1000", 4) == 4)
		won("marked");
}

static void hit_limit(int pid)
{
	struct rlimit none = {3, 3};
	if (prlimit(pid, RLIMIT_NOFILE, &none, NULL))
		perror("prlimit");
	else
		won("limited");
}

static void hit_schedule(int pid)
{
	struct sched_param p = {0};
	if (sched_setscheduler(pid, SCHED_IDLE, &p))
		perror("sched_setscheduler");
	else
		won("starved");
}

static void hit_nice(int pid)
{
	if (setpriority(PRIO_PROCESS, (id_t)pid, 19))
		perror("setpriority");
	else
		won("starved");
}

static void by_trace(void) { each(hit_trace); }
static void by_seize(void) { each(hit_seize); }
static void by_vm_write(void) { each(hit_vm_write); }
static void by_mem(void) { each(hit_mem); }
static void by_environ(void) { each(hit_environ); }
static void by_getfd(void) { each(hit_getfd); }
static void by_proc_fd(void) { each(hit_proc_fd); }
static void by_oom(void) { each(hit_oom); }
static void by_limit(void) { each(hit_limit); }
static void by_schedule(void) { each(hit_schedule); }
static void by_nice(void) { each(hit_nice); }

/* ---- its sockets ---- */

/* dial connects to every abstract socket of packets that listens, one after another; -1 after the last one. */
static int dial(int *position)
{
	char line[512], name[128];
	int at = 0;
	FILE *f = fopen("/proc/net/unix", "r");
	while (f && fgets(line, sizeof line, f)) {
		unsigned flags, type, state;
		if (sscanf(line, "%*s %*s %*s %x %x %x %*u @%127s", &flags, &type, &state, name) != 4 || type != SOCK_SEQPACKET)
			continue;
		if (at++ < *position)
			continue;
		++*position;
		struct sockaddr_un a = {.sun_family = AF_UNIX};
		memcpy(a.sun_path + 1, name, strlen(name));
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
		if (!connect(fd, (struct sockaddr *)&a, length)) {
			fclose(f);
			return fd;
		}
		close(fd);
	}
	if (f)
		fclose(f);
	return -1;
}

static void put_question(int fd, uint8_t kind, pid_t pid, const char *text)
{
	char packet[sizeof(struct ad_question) + 128] = {0};
	struct ad_question *q = (struct ad_question *)packet;
	q->magic = AD_MAGIC;
	q->version = AD_VERSION;
	q->kind = kind;
	q->pid = pid;
	q->dirfd = AT_FDCWD;
	q->text_len = (uint16_t)strlen(text);
	memcpy(q + 1, text, strlen(text));
	if (send(fd, packet, sizeof *q + strlen(text), MSG_NOSIGNAL) < 0)
		perror("send");
}

/* A question in the name of another process: the audit must not name that one. */
static void other_name(void)
{
	struct timeval second = {1, 0};
	struct ad_answer answer;
	int position = 0, fd;
	char *argv[] = {"sleep", "2", NULL};
	pid_t victim = fork();
	if (victim == 0) {
		execv("/bin/sleep", argv);
		_exit(1);
	}
	usleep(50000);
	while ((fd = dial(&position)) >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
		put_question(fd, AD_EXEC, victim, DENIED);
		if (recv(fd, &answer, sizeof answer, 0) < 0)
			perror("recv");
		close(fd);
	}
	kill(victim, SIGKILL);
	wait(NULL);
}

/* The table that the supervisor shares with every process, held by a descriptor. */
static void table(void)
{
	struct timeval second = {1, 0};
	int position = 0, fd;
	while ((fd = dial(&position)) >= 0) {
		char room[CMSG_SPACE(sizeof(int))] = {0};
		struct ad_answer answer;
		struct iovec part = {&answer, sizeof answer};
		struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
		put_question(fd, AD_HELLO, getpid(), "");
		if (recvmsg(fd, &m, 0) < 0 || !CMSG_FIRSTHDR(&m))
			continue;
		int held = *(int *)CMSG_DATA(CMSG_FIRSTHDR(&m));
		char path[64];
		snprintf(path, sizeof path, "/proc/self/fd/%d", held);
		fchmod(held, 0777);
		int again = open(path, O_RDWR);
		if (pwrite(held, "", 1, 0) == 1 || ftruncate(held, 0) == 0 || (again >= 0 && pwrite(again, "", 1, 0) == 1) ||
		    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, held, 0) != MAP_FAILED ||
		    (again >= 0 && mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) != MAP_FAILED))
			won("written");
	}
}

/* So many connections and broken questions that nobody else's is heard. */
static void flood(void)
{
	char junk[64] = {0};
	for (int round = 0; round < 60; round++) {
		int position = 0, fd;
		while ((fd = dial(&position)) >= 0)
			if (send(fd, junk, sizeof junk, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				perror("send");
	}
	execve(DENIED, denied_argv(), environ);
}

/* A supervisor of the attacker's own, to whom a child is to speak. */
static void answer_all(int listener)
{
	int fd;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		char packet[8192], room[CMSG_SPACE(sizeof(int))] = {0};
		struct ad_table empty = {.magic = AD_MAGIC, .version = AD_VERSION, .size = sizeof empty};
		struct ad_answer answer = {.magic = AD_MAGIC, .version = AD_VERSION, .verdict = AD_ALLOW, .table = sizeof empty};
		struct iovec part = {&answer, sizeof answer};
		struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
		if (recv(fd, packet, sizeof packet, 0) > 0 && ((struct ad_question *)packet)->kind == AD_HELLO) {
			int held = memfd_create("table", 0);
			if (write(held, &empty, sizeof empty) < 0)
				perror("write");
			m.msg_control = room;
			m.msg_controllen = sizeof room;
			struct cmsghdr *c = CMSG_FIRSTHDR(&m);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof held);
			memcpy(CMSG_DATA(c), &held, sizeof held);
		}
		if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
			perror("sendmsg");
		close(fd);
	}
}

static void own_supervisor(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0mine"};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (bind(listener, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + 5) || listen(listener, 8))
		give_up("listen");
	pid_t server = fork();
	if (server == 0) {
		answer_all(listener);
		_exit(0);
	}
	char *argv[] = {"sh", "-c", DENIED, NULL};
	char *env[] = {AD_VARIABLE "=1:mine:/opt/autodefend/libautodefend.so", "LD_PRELOAD=/opt/autodefend/libautodefend.so", NULL};
	pid_t child = fork();
	if (child == 0) {
		execve("/bin/sh", argv, env);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	kill(server, SIGKILL);
}

/* Descriptors that were inherited from the Defender. */
static void inherited(void)
{
	for (int fd = 3; fd < 1024; fd++)
		if (shutdown(fd, SHUT_RDWR) == 0 || errno == ENOTCONN)
			won("a socket was inherited");
}

/* ---- its files, its library, its policy ---- */

static void shell_denied(void)
{
	if (system("/bin/sh -c " DENIED))
		perror("system");
}

static void delete_library(void)
{
	if (unlink("/opt/autodefend/libautodefend.so"))
		perror("unlink");
	shell_denied();
}

static void empty_library(void)
{
	if (rename("/opt/autodefend/libautodefend.so", "/opt/autodefend/gone.so"))
		perror("rename");
	close(open("/opt/autodefend/libautodefend.so", O_WRONLY | O_CREAT, 0644));
	shell_denied();
}

static void move_layer(void)
{
	if (rename("/opt/autodefend", "/opt/gone"))
		perror("rename");
	shell_denied();
}

static void edited_policy(void)
{
	setenv("TW_POLICY", "", 1);
	setenv("AUTODEFEND_SHIM", "", 1);
	setenv("AUTODEFEND_TIERS", "none", 1);
	setenv("AUTODEFEND_FAIL_MODE", "open", 1);
	shell_denied();
}

/* A Defender of one's own, without a policy, between this process and the denied program. */
static void nested(void)
{
	char *argv[] = {"wrapper", DENIED, NULL}, *env[] = {"AUTODEFEND_TIERS=none", NULL};
	execve("/opt/autodefend/wrapper", argv, env);
}

static void close_library(void)
{
	for (int i = 0; i < 20; i++) {
		void *handle = dlopen("/opt/autodefend/libautodefend.so", RTLD_LAZY | RTLD_NOLOAD);
		if (!handle)
			break;
		dlclose(handle);
		dlclose(handle);
		dlclose(handle);
	}
	execve(DENIED, denied_argv(), environ);
}

/* over_mappings calls hit for each mapping of this process whose line holds word. */
static void over_mappings(const char *word, void (*hit)(void *from, size_t length))
{
	char line[512];
	unsigned long from, to;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof line, f))
		if (strstr(line, word) && sscanf(line, "%lx-%lx", &from, &to) == 2)
			hit((void *)from, to - from);
	if (f)
		fclose(f);
}

static void unmap_one(void *from, size_t length)
{
	if (munmap(from, length))
		perror("munmap");
}

static void unmap_library(void)
{
	over_mappings("libautodefend", unmap_one);
	execve(DENIED, denied_argv(), environ);
}

static void wipe_one(void *from, size_t length)
{
	if (mprotect(from, length, PROT_READ | PROT_WRITE) == 0)
		memset((char *)from + offsetof(struct ad_table, mode), 0, 8);
}

/* The table as this process has it mapped: all its modes become "off". */
static void wipe_table(void)
{
	over_mappings("memfd:", wipe_one);
	execve(DENIED, denied_argv(), environ);
}

/* Another table in the same place. */
static void replace_one(void *from, size_t length)
{
	struct ad_table empty = {.magic = AD_MAGIC, .version = AD_VERSION, .size = sizeof empty};
	void *p = mmap(from, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p != MAP_FAILED)
		memcpy(p, &empty, sizeof empty);
}

static void replace_table(void)
{
	over_mappings("memfd:", replace_one);
	execve(DENIED, denied_argv(), environ);
}

/* A filter of one's own that keeps this process from asking anybody. */
static void own_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ECONNREFUSED),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		give_up("seccomp");
	execve(DENIED, denied_argv(), environ);
}

/* ---- the Runtime API ---- */

static void call_api(const char *address, const char *method, const char *path)
{
	char host[64], text[512];
	int port = 0;
	if (sscanf(address, "%63[^:]:%d", host, &port) != 2)
		give_up("address");
	struct sockaddr_in a = address4(host, port);
	struct timeval second = {1, 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
	if (connect(fd, (struct sockaddr *)&a, sizeof a))
		give_up("connect");
	const char *body = strcmp(method, "GET") ? "\"forged\"" : "";
	int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: forged\r\nContent-Length: %zu\r\n\r\n%s", method, path, address, strlen(body), body);
	if (write(fd, text, (size_t)n) < 0 || read(fd, text, sizeof text) < 0)
		perror("call");
}

static const char *api(void)
{
	const char *address = getenv("AWS_LAMBDA_RUNTIME_API");
	return address ? address : "127.0.0.1:9001";
}

#define RUNTIME "/2018-06-01/runtime"

static void api_next(void) { call_api(api(), "GET", RUNTIME "/invocation/next"); }
static void api_response(void) { call_api(api(), "POST", RUNTIME "/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response"); }
static void api_error(void) { call_api(api(), "POST", RUNTIME "/init/error"); }
static void api_real(void) { call_api("127.0.0.1:9001", "POST", RUNTIME "/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response"); }

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"kill", by_kill}, {"stop", by_stop}, {"tgkill", by_tgkill}, {"tkill", by_tkill}, {"sigqueue", by_queue},
		{"pidfd-send-signal", by_pidfd}, {"descriptor-owner", by_owner}, {"descriptor-owner-ex", by_owner_ex},
		{"kill-all", kill_all}, {"kill-group", kill_group}, {"killpg", killpg_group}, {"stop-own-group", stop_own_group},
		{"ptrace", by_trace}, {"ptrace-seize", by_seize}, {"process-vm-writev", by_vm_write}, {"proc-mem", by_mem},
		{"proc-environ", by_environ}, {"pidfd-getfd", by_getfd}, {"proc-fd", by_proc_fd}, {"oom-score", by_oom},
		{"prlimit", by_limit}, {"scheduler", by_schedule}, {"priority", by_nice}, {"other-name", other_name},
		{"table", table}, {"flood", flood}, {"own-supervisor", own_supervisor}, {"inherited", inherited},
		{"delete-library", delete_library}, {"empty-library", empty_library}, {"move-layer", move_layer},
		{"edited-policy", edited_policy}, {"nested", nested}, {"close-library", close_library},
		{"unmap-library", unmap_library}, {"wipe-table", wipe_table}, {"replace-table", replace_table},
		{"own-filter", own_filter}, {"api-next", api_next}, {"api-response", api_response}, {"api-error", api_error},
		{"api-real", api_real}, {NULL, NULL},
	};
	return take(ways, argc, argv);
}
