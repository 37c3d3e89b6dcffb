package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const (
	vmAptTime  = 3 * time.Minute
	vmBootTime = 8 * time.Minute
)

// vmTests are the tests that run inside. They need a shell, busybox and the C programs that come along.
const vmTests = "^Test(Runs|DeniedProgram|Probe|Files|ExecRaces|OpenRaces|AddressRaces|Tampering|Signals|Death|Close)$"

// TestLinux510 boots Debian 11's kernel, which AWS Lambda's resembles, and runs this package's tests in it, as root and as
// a user without rights.
func TestLinux510(t *testing.T) {
	if os.Getenv(inVM) != "" {
		t.Skip("this is the virtual machine")
	}
	if testing.Short() {
		t.Skip("SKIPPED: Linux 5.10 isn't booted in short mode")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("SKIPPED: Linux 5.10 is booted on amd64 only")
	}
	for _, tool := range []string{"qemu-system-x86_64", "busybox", "cpio", "apt-get", "dpkg-deb", "gcc", "gzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: Linux 5.10 needs %s", tool)
		}
	}
	image, err := kernelImage(t)
	if err != nil {
		t.Skipf("SKIPPED: no Linux 5.10 to be had: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), vmBootTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1024", "-smp", "2",
		"-nographic", "-no-reboot", "-nic", "none", "-kernel", image, "-initrd", initrd(t), "-append", "console=ttyS0 quiet panic=-1 rdinit=/init")
	out, err := cmd.CombinedOutput()
	_, text, found := strings.Cut(strings.ReplaceAll(string(out), "\r", ""), "=== kernel ")
	if err != nil || !found {
		t.Fatalf("boot: %v\n%s", err, out)
	}
	t.Logf("kernel %s", text)
	if !strings.HasPrefix(text, "5.10.") || strings.Count(text, "=== status 0\n") != 2 || strings.Contains(text, "--- FAIL") {
		t.Error("a test failed in the virtual machine")
	}
}

// kernelImage finds the kernel in the cache, or downloads its package from the machine's own Debian mirror.
func kernelImage(t *testing.T) (string, error) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "autodefend", "linux-5.10")
	find := func() string {
		images, _ := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-5.10*"))
		if len(images) == 0 {
			return ""
		}
		return images[0]
	}
	if image := find(); image != "" {
		return image, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), vmAptTime)
	defer cancel()
	if err := downloadKernel(ctx, t.TempDir(), dir); err != nil {
		return "", err
	}
	if image := find(); image != "" {
		return image, nil
	}
	return "", errors.New("the package holds no kernel")
}

// downloadKernel unpacks the newest cloud kernel of Debian 11 into dir.
func downloadKernel(ctx context.Context, work, dir string) error {
	sources, err := os.ReadFile("/etc/apt/sources.list.d/debian.sources")
	if err != nil {
		return err
	}
	var lines []string
	for line := range strings.Lines(string(sources)) {
		switch {
		case strings.HasPrefix(line, "Suites:") && strings.Contains(line, "-security"):
			line = "Suites: bullseye-security\n"
		case strings.HasPrefix(line, "Suites:"):
			line = "Suites: bullseye\n"
		}
		lines = append(lines, line)
	}
	list := filepath.Join(work, "bullseye.sources")
	if err := os.WriteFile(list, []byte(strings.Join(lines, "")), 0o644); err != nil {
		return err
	}
	script := `set -e
mkdir -p lists/partial cache/archives/partial
O="-o Dir::Etc::sourcelist=$PWD/bullseye.sources -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$PWD/lists -o Dir::Cache=$PWD/cache -o APT::Sandbox::User="
apt-get $O update -qq
P=$(apt-cache $O search '^linux-image-5.10.0-.*-cloud-amd64$' | awk '{print $1}' | sort -V | tail -1)
test -n "$P"
apt-get $O download "$P"
mkdir -p "$1"
dpkg-deb -x "$P"_*.deb "$1"
rm -rf "$1/lib" "$1/usr"`
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script, "sh", dir)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// initrd packs busybox, this package's tests and their C programs.
func initrd(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for _, dir := range []string{"bin", "usr/bin", "proc", "sys", "dev", "tmp", "etc", "c"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	copyIn := func(from, to string) {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(to, string(content), 0o755)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	copyIn(busybox, "bin/busybox")
	for _, name := range []string{"sh", "cat", "mount", "ifconfig", "poweroff", "su", "uname", "sleep", "ln", "cp", "mv", "kill", "echo", "tr", "head"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	copyIn(compile(t, `#include <stdio.h>`+"\n"+`int main(void){puts("uid=0");return 0;}`, "-static"), "usr/bin/id")
	copyIn(compile(t, `int main(void){return 0;}`, "-static"), "bin/true")
	for name, source := range vmPrograms() {
		copyIn(compile(t, source, "-static"), "c/"+name)
	}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", filepath.Join(root, "bin/kernel.test"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	put("etc/passwd", "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", 0o644)
	put("etc/hostname", "vm\n", 0o644)
	put("bin/tests", fmt.Sprintf("#!/bin/sh\ncd /tmp\n%s=/c /bin/kernel.test -test.short -test.run '%s' -test.v\necho \"=== status $?\"\n", inVM, vmTests), 0o755)
	put("init", `#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs -o mode=1777 tmp /tmp
ifconfig lo 127.0.0.1 up
echo "=== kernel $(uname -r)"
/bin/tests
su -s /bin/sh nobody -c /bin/tests
poweroff -f
`, 0o755)
	file := filepath.Join(filepath.Dir(root), "initrd.gz")
	pack := exec.CommandContext(t.Context(), "/bin/sh", "-c", "find . | cpio -o -H newc 2>/dev/null | gzip -1 > "+file)
	pack.Dir = root
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("pack: %v\n%s", err, out)
	}
	return file
}

// vmPrograms are the C programs that the tests inside need, by the name that compile looks for.
func vmPrograms() map[string]string {
	programs := make(map[string]string)
	for _, source := range []string{raceSource, attackSource, signalSource} {
		programs[nameOf(source)] = source
	}
	return programs
}
