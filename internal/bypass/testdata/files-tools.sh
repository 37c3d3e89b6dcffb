. /var/task/attempt.sh
cd /srv/work
head -c 100 ../secret/token
dd if=/srv/secret/token status=none
cp /srv/secret/token /tmp/copy && cat /tmp/copy
tar -cf - -C /srv secret | tr -d '\0'
grep -r . /srv/secret
find /srv -name token -exec cat {} \;
