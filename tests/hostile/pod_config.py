"""The config.json of a container that has what a restricted pod has: a user of its own, no capability, no
new privileges, a read-only root, and what RuntimeDefault lets through to one without capabilities.

    pod_config.py BUNDLE LANDLOCK SOURCE:TARGET… -- COMMAND…

BUNDLE/rootfs gets the mount points. SOURCE is bound to TARGET, to read; LANDLOCK is "landlock", or
"old" for a runtime's profile of before there was Landlock."""
import json
import os
import sys

# Debian's containers-common: the profile of podman, whose runtime lets a container make namespaces.
PROFILE = "/usr/share/containers/seccomp.json"

# What the profiles of Docker and containerd give to CAP_SYS_ADMIN and its like alone, or to nobody.
DENIED = set("""
    add_key bpf chroot clone3 fanotify_init fsconfig fsmount fsopen fspick io_uring_enter
    io_uring_register io_uring_setup kcmp keyctl lookup_dcookie mount mount_setattr move_mount
    name_to_handle_at open_by_handle_at open_tree perf_event_open pivot_root process_madvise
    process_vm_readv process_vm_writev ptrace quotactl quotactl_fd request_key setdomainname sethostname
    setns syslog umount umount2 unshare userfaultfd vhangup
    """.split())
LANDLOCK = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
NEW_NAMESPACES = 0x7E020000  # CLONE_NEW… of clone(2)


def rules(without):
    for rule in json.load(open(PROFILE))["syscalls"]:
        if rule["action"] != "SCMP_ACT_ALLOW" or rule.get("includes", {}).get("caps"):
            continue
        arches = rule.get("includes", {}).get("arches")
        if arches and "amd64" not in arches:
            continue
        names = [name for name in rule["names"] if name not in without and name != "clone"]
        if names:
            kept = {"names": names, "action": "SCMP_ACT_ALLOW"}
            if rule.get("args"):
                kept["args"] = rule["args"]
            yield kept
    yield {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
           "args": [{"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}
    # As the C libraries want it, which then take clone.
    yield {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}


bundle, landlock = sys.argv[1:3]
split = sys.argv.index("--")
mounts = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
]
for bind in sys.argv[3:split]:
    source, target = bind.rsplit(":", 1)
    os.makedirs(bundle + "/rootfs" + target, exist_ok=True)
    mounts.append({"destination": target, "type": "bind", "source": source, "options": ["rbind", "ro"]})
for mount in mounts:
    os.makedirs(bundle + "/rootfs" + mount["destination"], exist_ok=True)
# runc gives a tmpfs the mode of what it hides.
os.chmod(bundle + "/rootfs/tmp", 0o1777)
none = {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")}
config = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 65532, "gid": 65532},
        "args": sys.argv[split + 1:],
        "env": ["PATH=/usr/bin:/bin", "HOME=/tmp", "CMOCKA_MESSAGE_OUTPUT=TAP"],
        "cwd": "/",
        "capabilities": none,
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": True},
    "mounts": mounts,
    "linux": {
        # The network is the host's, so that the test can ask the server.
        "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
        "seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 1,
            "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": list(rules(DENIED | (LANDLOCK if landlock == "old" else set()))),
        },
        "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
}
json.dump(config, open(bundle + "/config.json", "w"))
