#!/usr/bin/env bash
# The head of a test cluster, as the first process in namespaces of its own; cluster starts it.
# cluster_head.sh DIR: starts everything and stays. cluster_head.sh DIR NODE: starts that node again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1
net=10.77.0

write_configuration() {
  cat >"$dir/hosts" <<TEXT
127.0.0.1 localhost
$net.1 head
$net.11 n1
$net.12 n2
TEXT
  cat >"$dir/slurm.conf" <<TEXT
ClusterName=${dir##*/}
SlurmctldHost=head($net.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
MpiDefault=pmix
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdSpoolDir=$dir/%n/spool
SlurmdPidFile=$dir/%n/slurmd.pid
SlurmdLogFile=$dir/log/%n
# Short times, so that tests are quick: to notice dead nodes, reuse nodes, and kill what is left.
SlurmdTimeout=5
MessageTimeout=5
KillWait=10
SchedulerParameters=sched_min_interval=0,sched_interval=2,bf_interval=2,batch_sched_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n1 NodeAddr=$net.11 CPUs=32 RealMemory=4000
NodeName=n2 NodeAddr=$net.12 CPUs=32 RealMemory=4000
PartitionName=debug Nodes=n[1-2] Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=10
PartitionName=urgent Nodes=n[1-2] PriorityTier=10 PreemptMode=OFF
TEXT
  # If a line comes twice, Slurm uses the last.
  if [[ -e $dir/more.conf ]]; then cat "$dir/more.conf" >>"$dir/slurm.conf"; fi
  # For proctrack/cgroup.
  printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$dir/cgroup.conf"
}

start_network() {
  ip link set lo up
  ip link add nodes type bridge
  ip address add "$net.1/24" dev nodes
  ip link set nodes up
}

# A munged for this cluster only. --force: its folder may be one that others can write to.
start_munge() {
  head -c 1024 /dev/urandom >"$dir/munge.key"
  chmod 600 "$dir/munge.key"
  munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
    --pid-file="$dir/munged.pid" --seed-file="$dir/munge.seed" --log-file="$dir/log/munged"
}

# start_node NODE: its script waits at the gate until its network is up.
start_node() {
  local node=$1 pid
  rm -f "$dir/$node/gate"
  mkfifo "$dir/$node/gate"
  setsid unshare --net --mount --uts --pid --fork --kill-child --mount-proc \
    "$here/cluster_node.sh" "$dir" "$node" "$net.1${node#n}/24" >>"$dir/log/$node.start" 2>&1 \
    </dev/null &
  pid=$!
  echo "$pid" >"$dir/$node/pid"
  exec 8>"$dir/$node/gate"
  # That of a node which has just been killed may still be there.
  ip link delete "to-$node" 2>/dev/null || true
  ip link add "to-$node" type veth peer name eth0 netns "$pid"
  ip link set "to-$node" master nodes up
  echo go >&8
  exec 8>&-
}

idle_nodes() {
  sinfo --noheader --Node --partition debug --states idle --format %N 2>/dev/null | wc -l
}

if (($# == 2)); then
  start_node "$2"
  exit
fi

hostname head
write_configuration
mount --bind "$dir/hosts" /etc/hosts
start_network
start_munge
slurmctld -f "$dir/slurm.conf"
start_node n1
start_node n2
until (($(idle_nodes) == 2)); do sleep 0.1; done
touch "$dir/ready"
# The first process adopts those that lose their parent, and must not exit.
while true; do
  sleep 3600 &
  wait || true
done
