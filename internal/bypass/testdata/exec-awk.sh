. /var/task/attempt.sh
awk 'BEGIN { system("/var/task/denied") }'
