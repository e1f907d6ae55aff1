/** Command lines about volumes and mounts; see `cli-cases.ts`. */
export const volumeLines = `
  volume update
  volume update data
  volume update --availability drain data
  volume update --availability x nosuch
  volume update a b
  volume create -o type=nfs -o o=addr=10.0.0.1,rw -o device=:/x n
  volume create -o size=10G n
  volume create -o novalue n
  volume create -o a=b -o a=c n
  volume create -d other n
  volume create -d '' n
  volume create --label a --label b=c=d n
  volume inspect data nosuch
  volume inspect --format '{{json .Options}}' data
  volume ls -q --format x
  volume ls --filter name=d --filter driver=local
  volume ls --filter bogus
  volume ls --cluster
  volume rm -f nosuch data
  volume prune --filter
  create --mount type=volume,src=v,dst=/d,volume-subpath=a/b busybox
  create --mount type=volume,dst=/d,volume-opt=type=nfs,volume-opt=o=addr=1,volume-label=x busybox
  create --mount type=volume,dst=/d,volume-opt==x,volume-label==y busybox
  create --mount type=volume,src=v,dst=/d,volume-nocopy=maybe busybox
  create --mount type=volume,src=v,dst=/d,bind-propagation=shared busybox
  create --mount type=volume,src=v,dst=/d,volume-subpath busybox
  create --mount type=bind,src=/a,dst=/b,bind-recursive=enabled busybox
  create --mount type=bind,src=/a,dst=/b,bind-recursive=writable busybox
  create --mount type=bind,src=/a,dst=/b,readonly,bind-recursive=writable busybox
  create --mount type=bind,src=/a,dst=/b,ro,bind-propagation=rprivate,bind-recursive=readonly busybox
  create --mount type=bind,src=/a,dst=/b,bind-nonrecursive busybox
  create --mount type=bind,src=/a,dst=/b,consistency=Cached busybox
  create --mount type=bind,src=/a,dst=/b,bind-propagation=Shared busybox
  create --mount type=image,src=a,dst=/b,volume-nocopy busybox
  create --mount type=image,src=a,dst=/b,image-subpath= busybox
  create --mount type=npipe,src=a,dst=/b busybox
  create --mount type=cluster,src=a,dst=/b busybox
  create --mount type=tmpfs,dst=/b,tmpfs-mode=0 busybox
  create --mount type=tmpfs,dst=/b,tmpfs-size=0 busybox
  create --mount type=,dst=/b busybox
  create --mount src=a,dst=/b,src=c busybox
  create --mount type=BIND,SRC=/a,DST=/b,READONLY busybox
  create --mount '' busybox
  create -v a:/b:ro,nocopy -v /c:/d:rshared busybox
  create -v a:b:c:d busybox
  create -v :/x busybox
  create -v a: busybox
  create -v /x -v /x -v y:/y -v y:/y busybox
  create -v c:/x busybox
  create --volumes-from a:ro --volumes-from b busybox
  create --tmpfs /a --tmpfs /b:size=1m,exec busybox
`;

export const volumeHelpPages = ['volume update'];
