. /var/task/attempt.sh
sh -c 'sh -c /var/task/denied; true'
