// What is judged is swapped for something denied while the judge looks. Each try is one call; what gets through is printed
// as "through". Arguments: MODE TRIES GOOD BAD [GOODPORT BADPORT].
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile char *path;
static char good[256], bad[256];
static struct sockaddr_in good_addr, bad_addr;
static volatile struct sockaddr_in *target;
static volatile int stop;

static void pause_a_bit(void) { for (volatile int i = 0; i < 400; i++); }

static void *flip_path(void *unused) {
	while (!stop) {
		memcpy((char *)path, bad, strlen(bad) + 1);
		pause_a_bit();
		memcpy((char *)path, good, strlen(good) + 1);
		pause_a_bit();
	}
	return 0;
}

// A process that shares all memory and is no thread. It ends by itself, since its parent may be gone before it can ask to
// be told.
static int flip_path_peer(void *unused) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_close_range, 0, ~0u, 0);
	for (int i = 0; i < 20000; i++) {
		memcpy((char *)path, bad, strlen(bad) + 1);
		pause_a_bit();
		memcpy((char *)path, good, strlen(good) + 1);
		pause_a_bit();
	}
	_exit(0);
}

static void *flip_link(void *unused) {
	while (!stop) {
		char other[300];
		snprintf(other, sizeof other, "%s.new", (char *)path);
		unlink(other); symlink(bad, other); rename(other, (char *)path);
		unlink(other); symlink(good, other); rename(other, (char *)path);
	}
	return 0;
}

static void *flip_address(void *unused) {
	while (!stop) {
		*(struct sockaddr_in *)target = bad_addr;
		pause_a_bit();
		*(struct sockaddr_in *)target = good_addr;
		pause_a_bit();
	}
	return 0;
}

static void run_once(void *(*flipper)(void *), int how) {
	int p[2];
	pipe(p);
	pid_t child = fork();
	if (!child) {
		dup2(p[1], 1);
		close(p[0]);
		pthread_t t;
		if (how == 0) pthread_create(&t, 0, flipper, 0);
		if (how == 1) { char *stack = malloc(65536); clone(flip_path_peer, stack + 65536, CLONE_VM | SIGCHLD, 0); }
		char *args[] = {"program", 0};
		for (int i = 0; i < 40; i++) { execv((char *)path, args); sched_yield(); }
		_exit(9);
	}
	close(p[1]);
	char buf[256];
	int n = read(p[0], buf, sizeof buf);
	if (n > 0 && memmem(buf, n, "uid=", 4)) printf("through\n");
	close(p[0]);
	waitpid(child, 0, 0);
}

static void exec_race(const char *mode, int tries) {
	pid_t other = 0;
	if (!strcmp(mode, "exec-shared")) { // another process that shares the page of the path
		other = fork();
		if (!other) { prctl(PR_SET_PDEATHSIG, SIGKILL); flip_path(0); }
	}
	if (!strcmp(mode, "exec-link")) {
		other = fork();
		if (!other) { prctl(PR_SET_PDEATHSIG, SIGKILL); flip_link(0); }
	}
	for (int i = 0; i < tries; i++) run_once(flip_path, !strcmp(mode, "exec-thread") ? 0 : !strcmp(mode, "exec-peer") ? 1 : 2);
	if (other) { kill(other, SIGKILL); waitpid(other, 0, 0); }
}

static void open_race(const char *mode, int tries) {
	pthread_t t;
	pthread_create(&t, 0, !strcmp(mode, "open-link") ? flip_link : flip_path, 0);
	for (int i = 0; i < tries; i++) {
		char buf[64] = "";
		int fd = open((char *)path, O_RDONLY);
		if (fd < 0) continue;
		if (read(fd, buf, sizeof buf - 1) > 0 && strstr(buf, "hunter2")) printf("through\n");
		close(fd);
	}
	stop = 1;
	pthread_join(t, 0);
}

static void change_race(const char *mode, int tries) {
	pthread_t t;
	pthread_create(&t, 0, flip_path, 0);
	for (int i = 0; i < tries; i++) {
		if (!strcmp(mode, "truncate")) truncate((char *)path, 0);
		if (!strcmp(mode, "unlink")) unlink((char *)path);
		if (!strcmp(mode, "create")) close(open((char *)path, O_CREAT | O_WRONLY | O_TRUNC, 0600));
	}
	stop = 1;
	pthread_join(t, 0);
}

static void connect_race(const char *mode, int tries) {
	pthread_t t;
	pthread_create(&t, 0, flip_address, 0);
	for (int i = 0; i < tries; i++) {
		if (!strcmp(mode, "connect")) {
			char buf[64] = "";
			int fd = socket(AF_INET, SOCK_STREAM, 0);
			if (!connect(fd, (struct sockaddr *)target, sizeof *target) && read(fd, buf, sizeof buf - 1) > 0 && strstr(buf, "bad")) printf("through\n");
			close(fd);
			continue;
		}
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		struct iovec v = {"x", 1};
		struct msghdr m = {(void *)target, sizeof *target, &v, 1};
		struct mmsghdr mm = {m};
		if (!strcmp(mode, "sendto")) sendto(fd, "x", 1, 0, (struct sockaddr *)target, sizeof *target);
		if (!strcmp(mode, "sendmsg")) sendmsg(fd, &m, 0);
		if (!strcmp(mode, "sendmmsg")) sendmmsg(fd, &mm, 1, 0);
		close(fd);
	}
	stop = 1;
	pthread_join(t, 0);
}

int main(int argc, char **argv) {
	setvbuf(stdout, 0, _IONBF, 0);
	path = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	target = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(good, argv[3]);
	strcpy(bad, argv[4]);
	if (argc > 6) {
		good_addr.sin_family = bad_addr.sin_family = AF_INET;
		inet_pton(AF_INET, good, &good_addr.sin_addr);
		inet_pton(AF_INET, bad, &bad_addr.sin_addr);
		good_addr.sin_port = htons(atoi(argv[5]));
		bad_addr.sin_port = htons(atoi(argv[6]));
		connect_race(argv[1], atoi(argv[2]));
	} else {
		strcpy((char *)path, strstr(argv[1], "link") && !strstr(argv[1], "un") ? argv[5] : good);
		if (!strncmp(argv[1], "exec", 4)) exec_race(argv[1], atoi(argv[2]));
		else if (!strncmp(argv[1], "open", 4)) open_race(argv[1], atoi(argv[2]));
		else change_race(argv[1], atoi(argv[2]));
	}
	printf("done\n");
	return 0;
}
