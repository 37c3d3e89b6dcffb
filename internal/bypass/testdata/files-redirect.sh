. /var/task/attempt.sh
read line </srv/secret/token
echo "$line"
