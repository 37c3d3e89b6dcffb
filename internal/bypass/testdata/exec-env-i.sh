. /var/task/attempt.sh
env -i /var/task/denied
env -i sh -c 'env -i /var/task/denied'
