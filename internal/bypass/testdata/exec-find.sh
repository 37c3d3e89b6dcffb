. /var/task/attempt.sh
find /var/task -name denied -exec {} \;
