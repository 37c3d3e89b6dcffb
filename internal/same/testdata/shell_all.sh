# Pipelines, substitution, redirection, here documents, job control, limits, traps, core tools.
set -u
env | grep -cE '^(LD_PRELOAD|AUTODEFEND|TW_POLICY)' || true
ulimit -n; ulimit -s; ulimit -c; umask
(exit 7); echo $?; false || echo no; sh -c 'kill -TERM $$'; echo $?
seq 2000 | sort -rn | head -3 | tr '\n' ' '; yes | head -c 100000 | wc -c
cat <<X | sed 's/a/b/g' | awk '{print NR": "$0}'
aaa $(echo sub) `echo back`
X
mkdir -p d/e; echo x >d/e/f; ln -s e d/l; cp -r d c; mv c m; find m | sort; tar cf - m | gzip | gunzip | tar tf - | sort
diff -r d m && echo same; rm -rf m; ls no-such 2>&1 | sed 's/.*: //'; cat d/e 2>&1 | sed 's/.*: //'
exec 5>five; echo to5 >&5; exec 5>&-; cat five; (echo a; sleep 0.05; echo b) & wait; trap 'echo trapped' USR1; kill -USR1 $$
mkfifo p; echo fifo >p & cat p; find . -name f -exec cat {} \; ; echo 1 2 3 | xargs -n1 echo n
perl -e 'print "perl ", join(",", map {$_*2} 1..5), "\n"; system("echo from perl"); exec "sh", "-c", "echo exec; exit 3"'; echo $?
trap 'echo bye' EXIT
exit 11
