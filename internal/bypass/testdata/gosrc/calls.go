//go:build ignore

// Command gocalls is a Go program with a dynamic loader: it starts as any other, but makes its system calls itself. It
// imports next to nothing, because this way of building compiles everything anew.
package main

import "syscall"

func main() {
	way, _ := syscall.Getenv("WAY")
	write("/proof/begun", []byte{byte('0' + syscall.Getpid()/100%10), byte('0' + syscall.Getpid()/10%10), byte('0' + syscall.Getpid()%10)})
	switch way {
	case "exec":
		_ = syscall.Exec("/var/task/denied", []string{"denied"}, nil)
	case "read":
		fd, err := syscall.Open("/srv/secret/token", syscall.O_RDONLY, 0)
		if err != nil {
			return
		}
		text := make([]byte, 100)
		n, _ := syscall.Read(fd, text)
		write("/proof/leak", text[:max(n, 0)])
	case "connect":
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err == nil {
			_ = syscall.Connect(fd, &syscall.SockaddrInet4{Port: 8080, Addr: [4]byte{203, 0, 113, 7}})
		}
	}
}

func write(path string, text []byte) {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, 0o666)
	if err == nil {
		_, _ = syscall.Write(fd, text)
		_ = syscall.Close(fd)
	}
}
