#!/usr/bin/env bash
# A node of a test cluster, as the first process in namespaces of its own; cluster_head.sh starts it.
# cluster_node.sh DIR NODE ADDRESS
set -euo pipefail

dir=$1 node=$2 address=$3

# A /tmp of its own, in which the folders that all nodes share are still seen.
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

# Below the cluster's own, where no other cluster's jobs of the same number are.
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
# Not as the first process, which would have to look after others' orphans.
# It is started again when it ends, as a service is, and what runs here goes on meanwhile.
while true; do
  slurmd -D -f "$SLURM_CONF" -N "$node" &
  wait "$!" || true
  sleep 0.1
done
