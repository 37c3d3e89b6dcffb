. /var/task/attempt.sh
exec /usr/bin/perl -e 'open(F, ">", "/proof/ran"); print F "ran"'
