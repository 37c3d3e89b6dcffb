package bypass

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// The stand-in takes the Defender's place in the runs without it, for the attempts that attack the Defender itself. It is
// what a careless supervisor would be: an ancestor of the same user with a policy in its environment, a socket that
// believes what it is told, a table that anybody may write, and a descriptor that its child inherits.

// Offsets in struct ad_question and struct ad_answer of wire.h.
const (
	questionKind = 6
	questionPID  = 8
	answerSize   = 16
	wireMagic    = 0x44415641
)

func standinMain(argv []string) int {
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: "@standin", Net: "unixpacket"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	go believe(l)
	shared, err := l.File()
	if err != nil {
		return 70
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{shared}
	cmd.Env = os.Environ()
	if err := cmd.Run(); err != nil {
		if state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && state.Exited() {
			return state.ExitStatus()
		}
		return 71
	}
	return 0
}

// believe answers everybody yes, and writes an audit in the name of whoever the question names.
func believe(l *net.UnixListener) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			packet := make([]byte, 8192)
			n, err := c.Read(packet)
			if err != nil || n <= questionPID+4 {
				return
			}
			answer := binary.LittleEndian.AppendUint32(nil, wireMagic)
			answer = append(answer, 1, 0)
			answer = append(answer, make([]byte, answerSize-len(answer))...)
			var rights []byte
			if packet[questionKind] == 0 {
				if fd, err := unix.MemfdCreate("table", 0); err == nil {
					defer unix.Close(fd)
					rights = unix.UnixRights(fd)
				}
			} else {
				pid := int(binary.LittleEndian.Uint32(packet[questionPID:]))
				exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
				_ = json.NewEncoder(os.Stderr).Encode(map[string]any{"attackType": "explicitlyDeniedProcess", "processPath": exe, "pid": pid})
			}
			_, _, _ = c.WriteMsgUnix(answer, rights, nil)
		}()
	}
}
