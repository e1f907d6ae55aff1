# What the cases of files.test.ts are written in. $SOCKET is the daemon's; the working directory is the case's own.
exec 2>&1
umask 022

# A container that runs until it is removed.
run() { name=$1; shift; docker run -d --name "$name" "$@" busybox sleep 100000 >/dev/null; }
# A shell line in it.
inside() { name=$1; shift; docker exec "$name" sh -c "$*"; }

# The members of an archive on standard input: mode, owner, bytes or device, name. Without the programs, and the bytes of files that
# daemons write each in its way.
members() {
  tar --numeric-owner -tv --quoting-style=literal 2>&1 |
    sed -E 's/ +([0-9,]+) [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]+ / \1 /; s/[0-9]+ ([^ ]*(busybox|etc\/(hosts|hostname|resolv.conf)))$/N \1/' |
    grep -v -E '(^| |\/)bin/[^ ]* -> busybox$|bin/busybox$'
}
# What is at a path of a container.
show() { docker cp "$1:$2" - | members; }
# What is below the working directory, but for directories' sizes.
found() { find "$@" \( -type d -printf '%M %U:%G %p\n' \) -o -printf '%M %U:%G %s %p %l\n' | sed 's/ $//' | LC_ALL=C sort -k3; }

ask() { curl -s --unix-socket "$SOCKET" "$@"; }
archive() { echo "http://d/v1.41/containers/$1/archive"; }
# The status and the object that describes a path.
look() {
  for path in "${@:2}"; do
    ask -I -G --data-urlencode "path=$path" "$(archive "$1")" | tr -d '\r' >head
    described=$(sed -n 's/^X-Docker-Container-Path-Stat: //Ip' head | base64 -d | sed -E 's/"mtime":"[^"]*",//; s/"size":[0-9]+,"mode":(214[78])/"size":N,"mode":\1/')
    echo "$path: $(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' head) $described"
  done
}
# The members of an archive of a path, or the error.
get() {
  for path in "${@:2}"; do
    status=$(ask -o body -w '%{http_code} %{content_type}' -G --data-urlencode "path=$path" "$(archive "$1")")
    echo "$path: $status"
    case $status in 200*) members <body | LC_ALL=C sort -k4 ;; *) cat body; echo ;; esac
  done
}
# Uploads an archive from a file: put CONTAINER PATH FILE [QUERY]
put() { echo "$2: $(ask -w '%{http_code}' -X PUT -H 'Content-Type: application/x-tar' --data-binary "@$3" "$(archive "$1")?path=$2&$4")"; }
# Packs what members are described on standard input, one JSON object a line, as Python's tarfile has them.
pack() {
  python3 -c '
import io, json, sys, tarfile
kinds = dict(file=b"0", hardlink=b"1", symlink=b"2", char=b"3", block=b"4", dir=b"5", fifo=b"6")
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as archive:
    for line in sys.stdin:
        if not line.strip(): continue
        member = json.loads(line)
        info = tarfile.TarInfo(member["name"] * member.get("times", 1) + member.get("end", ""))
        info.type = kinds[member.get("type", "file")]
        info.mode = member.get("mode", 0o755 if info.type == b"5" else 0o644)
        info.uid, info.gid = member.get("owner", [0, 0])
        info.linkname = member.get("link", "")
        info.devmajor, info.devminor = member.get("device", [0, 0])
        info.pax_headers = member.get("pax", {})
        info.mtime = 1_000_000_000
        data = member.get("data", "").encode()
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
' "$1"
}
