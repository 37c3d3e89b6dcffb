. /var/task/attempt.sh
sh -c 'echo ran >/proof/ran'
