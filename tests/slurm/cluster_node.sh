#!/usr/bin/env bash
# A node of a test cluster, as the first process in namespaces of its own; cluster_head.sh starts it.
# cluster_node.sh DIR NODE ADDRESS
set -euo pipefail

dir=$1 node=$2 address=$3

# Its own /tmp, in which the folders that all nodes share are still visible.
own_tmp() {
  local path fd
  local -A kept=()
  while IFS= read -r path; do
    if [[ $path == /tmp/* ]]; then
      exec {fd}<"$path"
      kept[$path]=$fd
    fi
  done <"$dir/shared"
  mount -t tmpfs tmpfs /tmp
  for path in "${!kept[@]}"; do
    fd=${kept[$path]}
    mkdir -p "$path"
    mount --no-canonicalize --bind "/proc/self/fd/$fd" "$path"
    exec {fd}<&-
  done
}

# Below the cluster's own group, where no other cluster has jobs of the same number.
own_control_groups() {
  local group=/sys/fs/cgroup/freezer/slurm_${dir##*/}
  mkdir -p "$group"
  mount --bind "$group" /sys/fs/cgroup/freezer
}

hostname "$node"
read -r _ <"$dir/$node/gate"
ip link set lo up
ip address add "$address" dev eth0
ip link set eth0 up
mount -t tmpfs tmpfs /dev/shm
own_tmp
if grep -q '^ProctrackType=proctrack/cgroup' "$dir/slurm.conf"; then own_control_groups; fi
mkdir -p "$dir/$node/spool"
export SLURM_CONF=$dir/slurm.conf
# Not as the first process, which would have to reap orphans.
# It is restarted when it exits, as a service is, and what runs here continues meanwhile.
while true; do
  slurmd -D -f "$SLURM_CONF" -N "$node" &
  wait "$!" || true
  sleep 0.1
done
