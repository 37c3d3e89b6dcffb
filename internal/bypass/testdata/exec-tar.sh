. /var/task/attempt.sh
cd /tmp && echo x >x && tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec=/var/task/denied x
