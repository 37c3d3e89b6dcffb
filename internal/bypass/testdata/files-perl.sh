. /var/task/attempt.sh
perl -e 'open(F, "<", "/srv/work/../secret/token"); print <F>'
