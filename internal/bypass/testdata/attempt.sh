# What all attempts in shell begin with.
echo $$ $PPID >/proof/begun
