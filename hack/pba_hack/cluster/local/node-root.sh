#!/bin/sh
# The first process of a node: builds the node's own root file system, moves into it, and becomes `init`.
#
# Nothing of the machine is writable from here: /usr and /etc are read-only, the rest is in memory, and what must
# be on disk (containers, volumes, logs) is a folder of the cluster's. All mounts end with the node.
#
# usage: node-root.sh NODE_NAME NODE_FOLDER NODE_LOGS BIN_FOLDER INIT SPEC
set -eu
name=$1 folder=$2 logs=$3 bin=$4 init=$5 spec=$6

mount --make-rprivate /
root=$folder/root
mkdir -p "$root"
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc proc sys dev tmp run/lock root home mnt opt/pba/bin opt/local-path-provisioner \
    var/lib/containerd var/lib/kubelet var/lib/cni var/log/pods var/log/containers var/log/node var/tmp
chmod 1777 tmp var/tmp
ln -s ../run var/run
for path in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$path" ]; then
        ln -s "$(readlink "/$path")" "$path"
    elif [ -d "/$path" ]; then
        mkdir "$path"
        mount --bind "/$path" "$path"
        mount -o remount,bind,ro "$path"
    fi
done
for path in usr etc; do
    mount --rbind "/$path" "$path"
    mount -o remount,bind,ro "$path"
done
mount --bind "$bin" opt/pba/bin
mount -o remount,bind,ro opt/pba/bin
mount --rbind /dev dev

mount -t proc proc proc
mount -t sysfs sysfs sys
# The control groups as this node's own namespace shows them.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
else
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    while IFS=: read -r _ controllers _; do
        case $controllers in
            "") continue ;;
            name=*) options=none,$controllers hierarchy=${controllers#name=} ;;
            *) options=$controllers hierarchy=$controllers ;;
        esac
        mkdir "sys/fs/cgroup/$hierarchy"
        mount -t cgroup -o "$options" cgroup "sys/fs/cgroup/$hierarchy"
        for controller in $(echo "$hierarchy" | tr , ' '); do
            [ -e "sys/fs/cgroup/$controller" ] || ln -s "$hierarchy" "sys/fs/cgroup/$controller"
        done
    done < /proc/self/cgroup
fi

for pair in containerd:var/lib/containerd kubelet:var/lib/kubelet cni:var/lib/cni pods:var/log/pods \
    volumes:opt/local-path-provisioner; do
    mkdir -p "$folder/${pair%%:*}"
    mount --bind "$folder/${pair%%:*}" "${pair#*:}"
done
mount --bind "$logs" var/log/node
mkdir -p node
cp "$init" node/init
cp "$spec" node/spec.json
cp -r "$folder/config" node/config

hostname "$name"
mkdir old
pivot_root . old
cd /
umount -l /old
rmdir /old
# Volumes of containers must show on the node, and the other way round.
mount --make-rshared /
exec /node/init /node/spec.json
