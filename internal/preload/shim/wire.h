/*
 * wire.h - what the shim in a process and the supervisor say to each other.
 *
 * Two ways. The table is read-only memory that answers most questions in the process itself, in well under a
 * microsecond. A question that the table doesn't settle is asked over a socket, and the supervisor's policy engine
 * answers. The table never says no by itself: it says "allow" or "ask", so there is one place that decides and writes
 * the audit. When nobody answers, the table's fail flags decide.
 *
 * Go's side is internal/preload (wire.go); a test compares the two layouts. All numbers are in the machine's byte
 * order, which is little-endian on both architectures.
 */
#ifndef AUTODEFEND_WIRE_H
#define AUTODEFEND_WIRE_H

#include <stdint.h>

#define AD_MAGIC 0x44415641u /* "AVAD" */
#define AD_VERSION 1

/*
 * AD_VARIABLE is in the environment of every process of the function when it starts, and hidden from it by the shim's
 * constructor: "1:SOCKET:LIBRARY", the name of the supervisor's abstract SOCK_SEQPACKET socket and the path of the shim.
 * LD_PRELOAD begins with LIBRARY then; the shim takes that away again too. "1c" instead of "1" says that the process
 * ends with status 126 when nobody gives it a table; the shim writes it for its children under AD_FAIL_CLOSED. Beside it
 * the shim gives its children AUTODEFEND_SITES (known.c), which is nobody else's business and hidden as well.
 */
#define AD_VARIABLE "AUTODEFEND_SHIM"

/* Kinds of questions, as policy.Kind. */
enum ad_kind {
	AD_HELLO = 0,   /* a process has the shim and wants the table; the answer may refuse the process */
	AD_EXEC = 1,    /* text: path as given; argv: the arguments, NUL-terminated each; dirfd, flags of execveat */
	AD_CONNECT = 2, /* addr, protocol; also sendto, sendmsg and sendmmsg with an address */
	AD_LISTEN = 3,  /* addr, protocol; bind to a port that isn't 0, and listen */
	AD_RESOLVE = 4, /* text: the name */
	AD_OPEN = 5,    /* text: the resolved path; access */
	AD_TAMPER = 6,  /* text: what for; number: the target's process id when there is one */
	AD_KINDS = 7
};

/* Bits of ad_question.access, as policy.Access. */
#define AD_READ 1u
#define AD_WRITE 2u

/* Protocols. */
#define AD_TCP 6
#define AD_UDP 17

#define AD_TEXT_MAX 4096 /* bytes of text, without NUL */
#define AD_ARGV_MAX 2048 /* bytes of argv; what doesn't fit is cut */

/*
 * A question is one packet: this header, then text_len bytes of text, then argv_len bytes of argv. Each question has a
 * connection of its own, so no descriptor stays open in the host program and fork has nothing to share. The supervisor
 * takes the process id from SO_PEERCRED; pid only tells which of its threads or vfork children speaks.
 */
struct ad_question {
	uint32_t magic;
	uint16_t version;
	uint8_t kind;     /* enum ad_kind */
	uint8_t access;   /* AD_READ | AD_WRITE */
	int32_t pid;      /* getpid() of the asker */
	int32_t dirfd;    /* AT_FDCWD when it doesn't matter */
	uint32_t flags;   /* AD_EXEC: execveat's flags or AD_LIBRARY; AD_OPEN: open's flags; AD_HELLO: AD_PATCHED */
	int32_t number;   /* AD_TAMPER: target process id; AD_LISTEN: 1 for listen, 0 for bind */
	uint16_t protocol;/* AD_TCP or AD_UDP */
	uint16_t addr_len;
	uint16_t text_len;
	uint16_t argv_len;
	uint8_t addr[28]; /* struct sockaddr_in or sockaddr_in6; AD_OPEN: see struct ad_inode */
};

/*
 * Flag of AD_HELLO: the C library's system calls lead to the shim. Without it only calls of the library's functions
 * that the program makes by name are seen (the sandbox didn't let the library's code be changed).
 */
#define AD_PATCHED 1u

/* Flag of AD_EXEC: not a program but a library, or other code that is mapped; text is its real path. */
#define AD_LIBRARY 0x80000000u

/*
 * AD_OPEN of a file that has more than one name (hard links) carries this in addr, with addr_len 16: text is the name it
 * was opened by, and the lists may deny one of its other names.
 */
struct ad_inode {
	uint64_t device;
	uint64_t inode;
};

/* Verdicts. */
enum ad_verdict {
	AD_ALLOW = 0,
	AD_DENY = 1, /* the call fails with error */
	AD_EXIT = 2  /* the process ends at once with status 126 */
};

/* An answer is one packet. That of AD_HELLO carries the table's descriptor as SCM_RIGHTS. */
struct ad_answer {
	uint32_t magic;
	uint16_t version;
	uint8_t verdict; /* enum ad_verdict */
	uint8_t unused;
	int32_t error;   /* errno for AD_DENY */
	uint32_t table;  /* AD_HELLO: bytes to map */
};

/* Modes of a kind in the table. */
enum ad_mode {
	AD_OFF = 0,  /* allow without looking */
	AD_LIST = 1, /* the lists below tell whether to ask */
	AD_ASK = 2   /* always ask */
};

/* Flags of the table. */
#define AD_FAIL_CLOSED 1u   /* nobody answers: deny what would have been asked */
#define AD_NO_IO_URING 2u   /* io_uring_setup fails with ENOSYS: its requests pass nobody */
#define AD_REDIRECT_DNS 4u  /* port 53 goes to the resolver below */
#define AD_WRITABLE_LIBS 8u /* dlopen of a library that the function could have written is asked as AD_EXEC */

/* A list is count elements at offset bytes from the table's start. */
struct ad_list {
	uint32_t offset;
	uint32_t count;
};

/*
 * A path matches an element when it is equal, or continues after it with '/'. The root is the empty string. Bytes are
 * at offset from the table's start, length without NUL.
 */
struct ad_path {
	uint32_t offset;
	uint32_t length;
};

/* A network: IPv4 addresses are mapped into IPv6, bits counts from the start of the 16 bytes. */
struct ad_net {
	uint8_t addr[16];
	uint8_t bits;
	uint8_t unused[3];
};

struct ad_ports {
	uint16_t first, last;
};

/*
 * Order of judgement for AD_LIST. AD_OPEN, for each bit of access: below a deny path, ask; else with an allow list and
 * not below any of it, ask; else allow. AD_CONNECT: loopback addresses go by ports alone; address in deny_nets or port
 * in deny_ports, ask; with allow_nets and not in it, ask; with allow_ports and not in it, ask; else allow.
 * Whatever the lists say, a path below /proc/PID of a protected process asks as AD_TAMPER.
 */
struct ad_table {
	uint32_t magic;
	uint32_t version;
	uint32_t size;         /* bytes of the whole table */
	uint32_t seq;          /* odd while it is being rewritten: read again, at most 1000 times, then ask */
	uint32_t flags;
	uint8_t mode[8];       /* enum ad_mode by enum ad_kind */
	uint8_t stops[8];      /* 1 when the kind's effect stops the act: only then AD_FAIL_CLOSED denies */
	int32_t protected_pids[4]; /* 0 for none: the supervisor and its guardian */
	uint32_t resolver_addr;  /* IPv4, network order */
	uint16_t resolver_port;  /* network order */
	uint16_t api_port;       /* network order: the Runtime API's proxy; connecting to it is always asked */
	uint32_t upstream_addr;  /* IPv4, network order, 0 for none: the Runtime API itself; always asked, too */
	uint16_t upstream_port;  /* network order */
	uint16_t unused;
	struct ad_list deny_read, deny_write, allow_read, allow_write; /* of ad_path */
	struct ad_list deny_nets, allow_nets;                          /* of ad_net */
	struct ad_list deny_ports, allow_ports;                        /* of ad_ports, host order */
};

#endif
