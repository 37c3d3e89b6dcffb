. /var/task/attempt.sh
perl -e 'exec {"/var/task/denied"} "innocent"'
