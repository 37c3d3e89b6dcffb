. /var/task/attempt.sh
bash -c 'exec -c -a innocent /var/task/denied'
