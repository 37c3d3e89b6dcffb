. /var/task/attempt.sh
wget -T 1 -t 1 -O /dev/null http://evil.example:8080/
