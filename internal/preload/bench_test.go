package preload

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func BenchmarkFacts(b *testing.B) {
	pid := os.Getppid()
	b.Run("process", func(b *testing.B) {
		for b.Loop() {
			lookAt(pid)
		}
	})
	b.Run("stat", func(b *testing.B) {
		for b.Loop() {
			_, _ = readStat(pid)
		}
	})
	b.Run("command", func(b *testing.B) {
		for b.Loop() {
			command(pid)
		}
	})
	b.Run("executable", func(b *testing.B) {
		for b.Loop() {
			executable(pid)
		}
	})
	b.Run("program", func(b *testing.B) {
		for b.Loop() {
			v := viewOf(pid)
			where, err := v.resolve(unix.AT_FDCWD, "/bin/true", true)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := (startable{}).image(v, where, "/bin/true", []string{"true"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("program known", func(b *testing.B) {
		s := startable{known: newEnterable()}
		for b.Loop() {
			v := viewOf(pid)
			where, err := v.resolve(unix.AT_FDCWD, "/bin/true", true)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.image(v, where, "/bin/true", []string{"true"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("resolve", func(b *testing.B) {
		for b.Loop() {
			v := viewOf(pid)
			if _, err := v.resolve(unix.AT_FDCWD, "/bin/true", true); err != nil {
				b.Fatal(err)
			}
		}
	})
}
