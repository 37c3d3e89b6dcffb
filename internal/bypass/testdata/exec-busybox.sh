. /var/task/attempt.sh
busybox sh -c /var/task/denied
