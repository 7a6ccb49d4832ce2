"""A Debian in a root folder that has nothing else."""
import os
import pathlib
import shlex
import shutil
import subprocess
import unittest

SOURCES = pathlib.Path("/etc/apt/sources.list.d/debian.sources")


def why_not(*tools):
    """Why a fresh Debian cannot be set up here with these tools; empty if it can."""
    if os.geteuid() != 0:
        return "only root can set up a root folder"
    tools = [tool for tool in tools if not shutil.which(tool)]
    return f"without {', '.join(tools)} (scripts/setup --packages)" if tools else ""


def run(*command, **more):
    """What the command prints; its failure fails the test."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


class Root:
    """A folder with a Debian of the release that the packages are for."""

    def __init__(self, folder, *packages):
        self.path = folder / "root"
        self.binds = []
        release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                       if "=" in line)
        try:
            run("mmdebstrap", "--variant=minbase", release["VERSION_CODENAME"], self.path,
                *([f"--include={','.join(packages)}"] if packages else []), *([SOURCES] if SOURCES.exists() else []))
        except AssertionError as error:
            raise unittest.SkipTest(f"no fresh Debian to be had: {error}") from None
        shutil.copy("/etc/resolv.conf", self.path / "etc" / "resolv.conf")

    def bind(self, source, place):
        """Shows commands a file or folder of this machine at a place in the root."""
        there = self.path / place.lstrip("/")
        if source.is_dir():
            there.mkdir(parents=True)
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.touch()
        self.binds.append(f"mount --bind {shlex.quote(str(source))} {shlex.quote(str(there))}")

    def command(self, script, code=0, **environment):
        """What a shell in the root prints. Its mounts vanish with it."""
        mounts = " && ".join([*self.binds, "mount -t proc proc $0/proc", "mount --bind /dev $0/dev",
                              "mount --bind /sys $0/sys", 'exec chroot $0 sh -c "$1"'])
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", mounts, self.path, script],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                                              "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
                                              **environment})
        if done.returncode != code:
            raise AssertionError(f"{script!r} exited with {done.returncode}:\n{done.stdout[-4000:]}")
        return done.stdout

    def install(self, *packages):
        self.command("apt-get install -y --no-install-recommends " + " ".join(packages))

    def files(self):
        """Of the system, without those that change as it is used."""
        listed = self.command("find / -xdev -path /tmp -prune -o -path /var/cache -prune -o -path /var/log -prune "
                              "-o -path /proc -prune -o -path /dev -prune -o -path /var/lib/dpkg -prune "
                              "-o -path /var/lib/apt -prune -o -print")
        return set(listed.splitlines())
