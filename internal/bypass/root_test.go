package bypass

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	wrapperPath = "/opt/autodefend/wrapper"
	standinPath = "/standin"
	ledgerText  = "100 coins\n"
	resolvConf  = "nameserver 203.0.113.53\noptions timeout:1 attempts:1\n"
)

// layOut makes the file system of a function below o.Root and moves the cell into it. The machine's programs are there
// read-only; /tmp, /srv and /proof are new, lie on one file system, and belong to the function, so that links and renames
// between them are possible.
func layOut(o order, secret string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("root", o.Root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	for _, step := range []func(order) error{system, devices, layer} {
		if err := step(o); err != nil {
			return err
		}
	}
	if err := functionFiles(o, secret); err != nil {
		return err
	}
	return moveTo(o.Root)
}

// system lends the machine's programs and libraries.
func system(o order) error {
	for _, name := range []string{"usr", "etc", "bin", "sbin", "lib", "lib64"} {
		if target, err := os.Readlink("/" + name); err == nil {
			if err := os.Symlink(target, filepath.Join(o.Root, name)); err != nil {
				return err
			}
			continue
		}
		if err := bind("/"+name, filepath.Join(o.Root, name)); err != nil {
			return err
		}
	}
	own := filepath.Join(o.Root, "resolv.conf")
	if err := os.WriteFile(own, []byte(resolvConf), 0o644); err != nil {
		return err
	}
	resolv, err := filepath.EvalSymlinks(filepath.Join(o.Root, "etc/resolv.conf"))
	if err != nil {
		return err
	}
	return unix.Mount(own, resolv, "", unix.MS_BIND, "")
}

// bind shows what is at from at to, read-only.
func bind(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", from, err)
	}
	if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", from, err)
	}
	return nil
}

// devices are those that Lambda has, and a pseudo-terminal.
func devices(o order) error {
	dev := filepath.Join(o.Root, "dev")
	for _, dir := range []string{"dev/pts", "proc", "var/task", "opt", "tmp"} {
		if err := os.MkdirAll(filepath.Join(o.Root, dir), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, filepath.Join(dev, name), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind /dev/%s: %w", name, err)
		}
	}
	if err := unix.Mount("devpts", filepath.Join(dev, "pts"), "devpts", 0, "newinstance,ptmxmode=0666,mode=620"); err != nil {
		return fmt.Errorf("mount devpts: %w", err)
	}
	for name, target := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return unix.Mount("proc", filepath.Join(o.Root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

// layer puts /opt and /var/task where a function finds them.
func layer(o order) error {
	if err := bind(o.Task, filepath.Join(o.Root, "var/task")); err != nil {
		return err
	}
	standin := filepath.Join(o.Root, standinPath)
	if err := os.WriteFile(standin, nil, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(o.Program, standin, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind the stand-in: %w", err)
	}
	opt := filepath.Join(o.Root, "opt")
	if !o.WritableLayer {
		return bind(o.Layer, opt)
	}
	if err := os.CopyFS(opt, os.DirFS(o.Layer)); err != nil {
		return err
	}
	return give(opt)
}

// give hands a tree to the function's user.
func give(tree string) error {
	return filepath.WalkDir(tree, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, functionUID, functionGID)
	})
}

// functionFiles makes what the attempts are about: the secrets, room to work, and a copy of the denied program that
// lies on the same file system as that room.
func functionFiles(o order, secret string) error {
	files := []struct {
		path, text string
		mode       os.FileMode
	}{
		{"srv/secret/token", secret + "\n", 0o644},
		{"srv/secret/ledger", ledgerText, 0o644},
		{"srv/box/secret/token", secret + "\n", 0o644},
		{"srv/secret/run.sh", "echo ran >/proof/ran\n", 0o755},
		{"srv/work/harmless", "nothing to see\n", 0o644},
		{"srv/work/harmless.sh", "exit 0\n", 0o755},
		{"proof/.keep", "", 0o644},
	}
	for _, f := range files {
		path := filepath.Join(o.Root, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
			return err
		}
	}
	denied, err := os.ReadFile(filepath.Join(o.Task, "denied"))
	if err != nil {
		return err
	}
	app := filepath.Join(o.Root, "srv/app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(app, "denied"), denied, 0o755); err != nil {
		return err
	}
	// A second name that was there before the Defender was.
	if err := os.Link(filepath.Join(o.Root, "srv/secret/token"), filepath.Join(o.Root, "srv/work/old-link")); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(o.Root, "tmp"), 0o1777); err != nil {
		return err
	}
	for _, dir := range []string{"srv", "proof"} {
		if err := give(filepath.Join(o.Root, dir)); err != nil {
			return err
		}
	}
	return nil
}

// moveTo makes root the root of this process.
func moveTo(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the machine's files: %w", err)
	}
	return os.Chdir("/")
}
