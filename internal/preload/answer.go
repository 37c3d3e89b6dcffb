package preload

import (
	"errors"
	"path"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/policy"
)

// deniedAct is what a denied act fails with. Of a program that isn't started, too: Node.js reports EACCES to who waits for
// the child's end, and throws at EPERM.
const deniedAct = syscall.EACCES

// reply decides a question that process pid asked.
func (t *Tier) reply(pid int, q question) answer {
	switch q.kind {
	case kindHello:
		return t.hello(pid, q)
	case kindExec:
		return t.exec(pid, q)
	case kindConnect:
		return t.network(policy.Connect, pid, q)
	case kindListen:
		return t.network(policy.Listen, pid, q)
	case kindResolve:
		name := strings.ToLower(strings.TrimSuffix(q.text, "."))
		return t.act(policy.Event{Kind: policy.Resolve, Process: lookAt(pid), Domain: name}, deniedAct)
	case kindOpen:
		return t.open(pid, q)
	case kindTamper:
		return t.act(policy.Event{Kind: policy.Tamper, Process: lookAt(pid), Detail: tamperDetail(q.text)}, syscall.EPERM)
	default:
		return answer{verdict: deny, errno: syscall.EPERM} // parseQuestion lets no other kind through
	}
}

// judge asks the policy.
func (t *Tier) judge(e policy.Event) policy.Decision {
	e.Tier = autodefend.TierPreload
	return t.config.Judge(e)
}

// act judges an event that is about to happen.
func (t *Tier) act(e policy.Event, errno syscall.Errno) answer {
	if t.judge(e).Deny {
		return answer{verdict: deny, errno: errno}
	}
	return answer{verdict: allow}
}

// network judges an act that has an address. One without isn't an act of any policy's.
func (t *Tier) network(kind policy.Kind, pid int, q question) answer {
	if !q.address.IsValid() {
		return answer{verdict: deny, errno: syscall.EINVAL}
	}
	return t.act(policy.Event{Kind: kind, Process: lookAt(pid), Address: q.address, Protocol: q.protocolName()}, deniedAct)
}

// exec judges the start of a program. Nothing is judged when the kernel would refuse it anyway, so that a search through
// PATH makes no audits; the answer then is the kernel's error, so that nothing can appear there in between.
func (t *Tier) exec(pid int, q question) answer {
	if q.flags&flagLibrary != 0 {
		return t.library(pid, q)
	}
	e := policy.Event{Kind: policy.Exec, Process: lookAt(pid)}
	img, err := t.wanted(viewOf(pid), q)
	if errno, certain := kernelWouldSay(err); certain {
		return answer{verdict: deny, errno: errno}
	}
	if err != nil {
		img.programs = []policy.Program{unseen(q.text, q.args())}
	}
	for _, e.Program = range img.programs {
		if t.judge(e).Deny {
			return answer{verdict: deny, errno: deniedAct}
		}
	}
	t.images.approve(pid, img)
	return answer{verdict: allow}
}

// library judges code that is mapped into a process, as if it were a program. Only code that the function could have
// written is any rule's.
func (t *Tier) library(pid int, q question) answer {
	e := policy.Event{Kind: policy.Exec, Process: lookAt(pid), Program: t.mappedCode(viewOf(pid), q.text)}
	if !e.Program.Writable && !e.Program.Fileless {
		return answer{verdict: allow}
	}
	return t.act(e, deniedAct)
}

// wanted looks at the program that the process of v asks to start.
func (t *Tier) wanted(v view, q question) (image, error) {
	where, err := v.resolve(q.dirfd, q.text, q.flags&unix.AT_SYMLINK_NOFOLLOW == 0)
	if err != nil {
		return image{}, err
	}
	img, err := t.startable.image(v, where, q.execName(), q.args())
	if err == nil {
		img.programs[0].Given = v.given(q, where)
	}
	return img, err
}

// given is the path by which a program was called, "" when that is its own.
func (v view) given(q question, where found) string {
	name := q.text
	if !strings.HasPrefix(name, "/") {
		directory, err := v.resolve(q.dirfd, ".", true)
		if err != nil {
			return ""
		}
		name = path.Join(directory.path, name)
	}
	if name == where.path {
		return ""
	}
	return name
}

// refusal is an error that the kernel is going to give for what a file is.
type refusal syscall.Errno

// Error implements error.
func (r refusal) Error() string { return syscall.Errno(r).Error() }

// kernelWouldSay returns the error that an act is going to fail with, when it is certain that it will. Being unable to
// look is none: the process may be able to.
func kernelWouldSay(err error) (syscall.Errno, bool) {
	var refused refusal
	if errors.As(err, &refused) {
		return syscall.Errno(refused), true
	}
	for _, errno := range []syscall.Errno{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENAMETOOLONG, unix.EBADF} {
		if errors.Is(err, errno) {
			return errno, true
		}
	}
	return 0, false
}

// unseen is a program that we couldn't look at. Nothing good is known of it.
func unseen(name string, args []string) policy.Program {
	return policy.Program{Path: path.Clean(name), Args: args, Opaque: true}
}

// open judges access to a file, under all names that it may be known by to the policy.
func (t *Tier) open(pid int, q question) answer {
	e := policy.Event{Kind: policy.Open, Process: lookAt(pid), Access: accessOf(q.access)}
	for _, e.File = range t.namesOf(pid, q) {
		if t.judge(e).Deny {
			return answer{verdict: deny, errno: deniedAct}
		}
	}
	return answer{verdict: allow}
}

// namesOf returns the name that was asked for, which the shim already freed of links; the name that our own look gives,
// when that is another one, as a link may have been changed in between; and, of a file with several names, those that the
// policy denies.
func (t *Tier) namesOf(pid int, q question) []string {
	asked, _ := nameOf(q.text)
	names := make([]string, 0, 2)
	if strings.HasPrefix(asked, "/") {
		asked = path.Clean(asked)
		names = append(names, asked)
	}
	where, err := viewOf(pid).resolve(q.dirfd, asked, false)
	if err == nil && where.path != asked {
		names = append(names, where.path)
	}
	if q.inode != (fileID{}) {
		names = append(names, t.links.namesOf(q.inode)...)
	}
	if len(names) == 0 {
		names = append(names, path.Clean("/"+asked))
	}
	return names
}

// execName is the name by which the kernel tells an interpreter its script.
func (q question) execName() string {
	switch {
	case strings.HasPrefix(q.text, "/") || q.dirfd == unix.AT_FDCWD:
		return q.text
	case q.text == "":
		return "/dev/fd/" + strconv.Itoa(int(q.dirfd))
	default:
		return "/dev/fd/" + strconv.Itoa(int(q.dirfd)) + "/" + q.text
	}
}

func accessOf(bits uint8) policy.Access {
	var access policy.Access
	if bits&accessRead != 0 {
		access |= policy.Read
	}
	if bits&accessWrite != 0 {
		access |= policy.Write
	}
	return access
}

func (q question) protocolName() string {
	if q.protocol == protocolUDP {
		return "udp"
	}
	return "tcp"
}

// tamperDetail bounds what the asker calls its act, and keeps it to one printable line.
func tamperDetail(text string) string {
	const limit = 256
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), limit)], "?"))
}
