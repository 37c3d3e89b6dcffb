package bpf

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func everything() Options {
	return Options{Processes: true, Network: true, DNS: true, Files: true, Identities: true, Guarded: []int{41, 42}}
}

func filters() []Filter {
	return []Filter{LambdaSandbox(), Supervised(Options{}), Supervised(everything())}
}

// interesting lists numbers and arguments around everything that rules of f test, so that each jump is taken both ways.
func interesting(f Filter, arch Arch) ([]uint32, []uint64) {
	numbers := []uint32{0, 1, x32Bit - 1, x32Bit, x32Bit + 59, ^uint32(0)}
	args := []uint64{0, 1, 1 << 31, 1 << 32, 1<<32 | 4, ^uint64(0)}
	for _, rule := range f.Rules {
		if number, ok := arch.Number(rule.Call); ok {
			numbers = append(numbers, number-1, number, number+1)
		}
		for _, c := range rule.When {
			args = append(args, c.Value, c.Value+1, c.Value-1, c.Value|1<<32, c.Mask, ^c.Mask, c.Value|^c.Mask, c.Mask&-c.Mask)
		}
	}
	slices.Sort(numbers)
	slices.Sort(args)
	return slices.Compact(numbers), slices.Compact(args)
}

// TestProgramsAgreeWithRules compares the assembled program with the plain reading of the rules.
func TestProgramsAgreeWithRules(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range filters() {
		for _, arch := range []Arch{AMD64(), ARM64()} {
			program, err := f.Assemble(arch)
			if err != nil {
				t.Fatal(err)
			}
			numbers, args := interesting(f, arch)
			check := func(data Data) {
				got, err := program.Run(data)
				if want := f.Decide(arch, data); err != nil || got != want {
					t.Fatalf("%s on %s: %+v gives %s (%v), the rules say %s\n%s", f.Name, arch, data, got, err, want, program.Dump())
				}
			}
			for _, number := range numbers {
				for range 60 {
					data := Data{Number: number, Arch: arch.Audit(), IP: random.Uint64()}
					for i := range data.Args {
						data.Args[i] = args[random.IntN(len(args))]
					}
					check(data)
				}
				check(Data{Number: number, Arch: AMD64().Audit()})
				check(Data{Number: number, Arch: ARM64().Audit()})
				check(Data{Number: number, Arch: 0x40000003}) // i386
			}
			t.Logf("%s on %s: %d rules, %d instructions", f.Name, arch, len(f.Rules), len(program))
		}
	}
}

func TestSupervised(t *testing.T) {
	const tgid = 41
	all := Supervised(everything())
	tests := []struct {
		name string
		f    Filter
		call string
		args [6]uint64
		want Action
	}{
		{"exec", all, "execve", [6]uint64{}, Notify},
		{"exec that nobody judges", Supervised(Options{Files: true}), "execve", [6]uint64{}, Allow},
		{"open", all, "openat", [6]uint64{}, Notify},
		{"open for the place", all, "openat", [6]uint64{0, 0, 0x280000}, Allow},
		{"creat has no flags", all, "creat", [6]uint64{0, 0x280000}, Notify},
		{"sendto to an address", all, "sendto", [6]uint64{0, 0, 0, 0, 1 << 40, 16}, Notify},
		{"sendto on a connection", all, "sendto", [6]uint64{1, 1, 1, 1, 0, 16}, Allow},
		{"recvfrom that wants the source", all, "recvfrom", [6]uint64{0, 0, 0, 0, 8}, Notify},
		{"recvfrom that doesn't", all, "recvfrom", [6]uint64{1, 1, 1, 1, 0}, Allow},
		{"recvfrom without DNS", Supervised(Options{Network: true}), "recvfrom", [6]uint64{0, 0, 0, 0, 8}, Allow},
		{"asking whether a process lives", all, "kill", [6]uint64{tgid, 0}, Allow},
		{"the same with rubbish in the upper half", all, "kill", [6]uint64{tgid, 7 << 32}, Allow},
		{"kill", all, "kill", [6]uint64{1234, 9}, Notify},
		{"tgkill of others", all, "tgkill", [6]uint64{1234, 1234, 9}, Allow},
		{"tgkill of the supervisor", all, "tgkill", [6]uint64{tgid, 43, 9}, Notify},
		{"the same with rubbish in the upper half", all, "tgkill", [6]uint64{1<<32 | tgid, 43, 9}, Notify},
		{"becoming opaque", all, "prctl", [6]uint64{4, 0}, Errno(0)},
		{"becoming transparent", all, "prctl", [6]uint64{4, 1}, Allow},
		{"a thread's name", all, "prctl", [6]uint64{15, 0}, Allow},
		{"fork", all, "clone", [6]uint64{0x1200011}, Allow},
		{"a user namespace", all, "clone", [6]uint64{0x10000011}, Notify},
		{"clone3", all, "clone3", [6]uint64{}, Errno(38)},
		{"rings", all, "io_uring_setup", [6]uint64{}, Errno(38)},
		{"an ordinary socket", all, "socket", [6]uint64{10, 0x80801, 0}, Allow},
		{"a packet socket", all, "socket", [6]uint64{17, 3, 0}, Notify},
		{"SCTP", all, "socket", [6]uint64{2, 1, 132}, Notify},
		{"own limits", all, "prlimit64", [6]uint64{0, 7}, Allow},
		{"somebody's limits", all, "prlimit64", [6]uint64{tgid, 7}, Notify},
		{"owner of a descriptor", all, "fcntl", [6]uint64{3, 8, 1234}, Notify},
		{"the same with rubbish in the upper half", all, "fcntl", [6]uint64{3, 7<<32 | 8, 7<<32 | 1234}, Notify},
		{"no owner", all, "fcntl", [6]uint64{3, 8, 0}, Allow},
		{"owner in memory", all, "fcntl", [6]uint64{3, 15, 1 << 40}, Notify},
		{"owner of a socket", all, "ioctl", [6]uint64{3, 0x8901, 1 << 40}, Notify},
		{"group of a socket", all, "ioctl", [6]uint64{3, 0x8902, 1 << 40}, Notify},
		{"bytes that wait", all, "ioctl", [6]uint64{3, 0x541b, 1 << 40}, Allow},
		{"flags of a descriptor", all, "fcntl", [6]uint64{3, 2, 1}, Allow},
		{"copy of a descriptor", all, "fcntl", [6]uint64{3, 0, 10}, Allow},
		{"lock of a file", all, "fcntl", [6]uint64{3, 6, 1 << 40}, Allow},
		{"never repeated", all, "close", [6]uint64{}, Allow},
	}
	for _, tt := range tests {
		for _, arch := range []Arch{AMD64(), ARM64()} {
			number, ok := arch.Number(tt.call)
			if !ok {
				continue
			}
			if got := tt.f.Decide(arch, Data{Number: number, Arch: arch.Audit(), Args: tt.args}); got != tt.want {
				t.Errorf("%s on %s: %s, want %s", tt.name, arch, got, tt.want)
			}
		}
	}
}

// TestUnrepeatable holds the rule that no call is handed over which programs don't repeat.
func TestUnrepeatable(t *testing.T) {
	for _, call := range []string{"close", "dup", "dup2", "dup3", "fork", "vfork", "read", "write", "exit_group"} {
		for _, rule := range Supervised(everything()).Rules {
			if rule.Call == call {
				t.Errorf("%s is handed over", call)
			}
		}
	}
}

func TestLambdaSandbox(t *testing.T) {
	tests := []struct {
		call string
		args [6]uint64
		want Action
	}{
		{"prctl", [6]uint64{38, 1}, Errno(1)},
		{"seccomp", [6]uint64{1}, Errno(1)},
		{"ptrace", [6]uint64{}, Errno(1)},
		{"io_uring_setup", [6]uint64{}, Errno(1)},
		{"clone", [6]uint64{0x1200011}, Allow},
		{"clone", [6]uint64{0x10000011}, Errno(1)},
		{"socket", [6]uint64{2, 1}, Allow},
		{"socket", [6]uint64{2, 3}, Errno(1)},
		{"socket", [6]uint64{16, 3}, Allow},
		{"socket", [6]uint64{1, 3}, Allow},
		{"execve", [6]uint64{}, Allow},
		{"pidfd_send_signal", [6]uint64{}, Allow},
	}
	for _, tt := range tests {
		number, ok := AMD64().Number(tt.call)
		if !ok {
			t.Errorf("%s has no number", tt.call)
		}
		if got := LambdaSandbox().Decide(AMD64(), Data{Number: number, Arch: AMD64().Audit(), Args: tt.args}); got != tt.want {
			t.Errorf("%s %v: %s, want %s", tt.call, tt.args, got, tt.want)
		}
	}
}

func TestAssembleErrors(t *testing.T) {
	tests := []struct {
		name string
		rule Rule
	}{
		{"unknown call", Rule{Call: "openn", Then: Notify}},
		{"no such argument", Rule{Call: "open", When: []Condition{{Arg: 6, Mask: 1}}}},
		{"value outside of the mask", Rule{Call: "open", When: []Condition{{Mask: 1, Value: 2}}}},
		{"nothing compared", Rule{Call: "open", When: []Condition{{}}}},
		{"too many conditions", Rule{Call: "open", When: slices.Repeat([]Condition{NotNull(0)}, 100)}},
	}
	for _, tt := range tests {
		if _, err := (Filter{Rules: []Rule{tt.rule}}).Assemble(AMD64()); err == nil {
			t.Errorf("%s: assembled", tt.name)
		}
	}
	_, err := Filter{Rules: []Rule{{Call: "x"}}}.Assemble(ARM64())
	if !errors.Is(err, errUnknownCall) {
		t.Errorf("%v", err)
	}
	if _, err := ArchOf("riscv64"); err == nil {
		t.Error("riscv64 is known")
	}
}

func TestDump(t *testing.T) {
	f := Filter{Name: "f", Rules: []Rule{{Call: "kill", When: []Condition{IsNot(1, 0), NotNull(2)}, Then: Notify}, {Call: "open", Then: Errno(1)}}}
	want := "filter f on arm64: other calls are allowed, foreign conventions fail with errno 38\n" +
		" 129 kill                     notify when arg1&0xffffffff != 0x0 and arg2 != 0x0\n"
	if diff := cmp.Diff(want, f.Dump(ARM64())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	program, err := f.Assemble(ARM64())
	if err != nil {
		t.Fatal(err)
	}
	text := program.Dump()
	for _, line := range []string{"0000  load  architecture", "load  arg1 low", "load  arg2 high", "ret   notify", "ret   errno 38", "ret   allow"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

// FuzzRun looks for programs that make the interpreter panic or never end.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0x20, 0, 0, 0, 0x15, 1, 1, 9, 0x06, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var p Program
		for ; len(raw) >= 4; raw = raw[4:] {
			p = append(p, Instruction{Code: uint16(raw[0]), Jt: raw[1], Jf: raw[2], K: uint32(raw[3])})
		}
		_, _ = p.Run(Data{})
	})
}
