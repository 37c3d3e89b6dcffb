. /var/task/attempt.sh
mkdir /tmp/lib
cp "$(ldd /bin/sh | sed -n 's/.*libc.so.6 => \([^ ]*\) .*/\1/p')" /tmp/lib/libc.so.6
LD_LIBRARY_PATH=/tmp/lib sh -c /var/task/denied
