#!/bin/sh
# Builds the shim: build.sh OUTPUT, with the compiler in CC.
#
# The library needs nothing: no DT_NEEDED, no symbol version, so that one file serves every glibc since 2.17 and musl.
# It is compiled for general registers only (see shim.h), and without the stack protector, whose canary is the C
# library's and may not exist yet when the first hook runs.
set -eu

output=$1
here=$(cd "$(dirname "$0")" && pwd)
CC=${CC:-cc}

case $($CC -dumpmachine) in
x86_64*) machine='-mgeneral-regs-only -fcf-protection=none -march=x86-64' ;;
aarch64*) machine='-mgeneral-regs-only -mno-outline-atomics -march=armv8-a' ;;
*)
	echo "build.sh: no shim for $($CC -dumpmachine)" >&2
	exit 1
	;;
esac

sources='ask change environ exec files gate guard hooks isolate known memory network next patch patch_amd64 patch_arm64 path reach resolve start table text'
set --
for source in $sources; do
	set -- "$@" "$here/$source.c"
done

mkdir -p "$(dirname "$output")"
# shellcheck disable=SC2086 # CC, CFLAGS and machine are words
exec $CC -std=gnu11 -O2 -g0 -fPIC -shared -nostdlib -ffreestanding -fno-builtin \
	-fvisibility=hidden -fno-stack-protector -fno-plt -fomit-frame-pointer \
	-fasynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns $machine \
	-Wall -Wextra -Werror -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-declarations \
	-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,initfirst -Wl,-z,text -Wl,-z,defs \
	-Wl,-Bsymbolic -Wl,--build-id=none -Wl,-soname,libautodefend.so -Wl,--gc-sections \
	${CFLAGS:-} -o "$output" "$@"
