. /var/task/attempt.sh
script -qc /var/task/denied /dev/null
