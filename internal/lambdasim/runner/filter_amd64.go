package runner

import "golang.org/x/sys/unix"

// auditArch is this architecture's name in filters.
const auditArch = unix.AUDIT_ARCH_X86_64
