. /var/task/attempt.sh
env -i /lib64/ld-linux-x86-64.so.2 --inhibit-cache --library-path /lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu /bin/sh -c /var/task/denied
