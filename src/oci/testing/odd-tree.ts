/** A shell script that makes every kind of thing that a layer can hold, below `tree`. */
export const makeOddTree = `
  mkdir -p tree/dir/deep tree/empty tree/sticky
  cd tree
  echo hello > dir/file; ln dir/file dir/hard; ln dir/file other-hard
  ln -s file dir/link; ln -s /nowhere/$(printf 'x%.0s' {1..230}) dangling; ln -s $(printf 'long/%.0s' {1..120}) long-link
  mknod null c 1 3; mknod large-minor c 5 70000; mknod disk b 259 300; mkfifo pipe
  head -c 300000 /dev/urandom > dir/large; head -c 512 /dev/urandom > dir/one-block; : > dir/nothing
  truncate -s 9M sparse
  printf middle | dd of=sparse bs=1 seek=5000001 conv=notrunc status=none
  head -c 8192 /dev/urandom | dd of=sparse bs=4096 seek=100 conv=notrunc status=none
  truncate -s 1M only-hole
  chmod 4755 dir/large; chmod 2750 dir/deep; chmod 1777 sticky; chmod 0 dir/nothing
  chown 70000:200000 dir/one-block; chown -h 12:34 dir/link
  setfattr -n user.short -v value dir/file; setfattr -n user.long -v $(printf 'v%.0s' {1..1500}) dir/file
  setfattr -n user.empty dir/large; setfattr -n trusted.some -v x dir/deep
  cp /bin/true able; setcap cap_net_raw,cap_sys_admin+ep able
  setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff020004000100000004000400ffffffff10000600ffffffff20000400ffffffff dir/file
  touch -d '2001-02-03 04:05:06.123456789' dir/file; touch -d '1960-01-01 00:00:00.5' empty; touch -d @0 dir/one-block
  touch -- "$(printf 'n%.0s' {1..255})" "$(printf 'caf\\xe9')" "$(printf '\\xff\\xfe')" ' blank ' '-dash' '!bang' 'back\\slash' $'new\\nline'
  long=$(printf 'd%.0s' {1..240}); mkdir -p paths; cd paths
  for level in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mkdir $long; cd -P $long; done; echo deep > "$(printf 'f%.0s' {1..200})"
`;
