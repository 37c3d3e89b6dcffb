# A repository's life: many short processes, locks, renames, hooks.
export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.invalid
git init -q -b main r && cd r || exit 1
for i in 1 2 3; do echo $i >f$i; git add .; git commit -qm c$i; done
printf '#!/bin/sh\necho hook\n' >.git/hooks/post-commit; chmod +x .git/hooks/post-commit
git checkout -qb side HEAD~1; echo s >s; git add .; git commit -qm side; git checkout -q main; git merge -q --no-edit side
git log --format='%h %s' ; git gc -q; git fsck; cd ..; git clone -q r q; git -C q log -1 --format=%H; git -C q status --short | wc -l
