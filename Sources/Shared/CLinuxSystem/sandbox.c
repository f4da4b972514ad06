#define _GNU_SOURCE
#include "cultivar_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// <sys/mount.h> of the C library conflicts with the kernel's header, so its few needed declarations are repeated here.
extern int mount(const char *, const char *, const char *, unsigned long, const void *);
extern int umount2(const char *, int);
#define RECURSIVE_PRIVATE (1UL << 18 | 1UL << 14)
#define DETACH 2

const uint64_t cultivar_new_user = CLONE_NEWUSER, cultivar_new_mount = CLONE_NEWNS, cultivar_new_pid = CLONE_NEWPID,
               cultivar_new_ipc = CLONE_NEWIPC, cultivar_new_uts = CLONE_NEWUTS, cultivar_new_network = CLONE_NEWNET,
               cultivar_new_cgroup = CLONE_NEWCGROUP;

pid_t cultivar_fork_into(uint64_t flags) { return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0L, 0L, 0L, 0L); }

int cultivar_unshare(uint64_t flags) { return unshare((int)flags); }

int cultivar_clone_mount(int path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return (int)syscall(SYS_open_tree, path, "", flags);
}

int cultivar_restrict_mount(int mount, bool read_only, bool devices, bool recursive) {
  struct mount_attr attributes = {
      .attr_set = (read_only ? MOUNT_ATTR_RDONLY : 0) | (devices ? 0 : MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID)};
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return (int)syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes);
}

int cultivar_attach_mount(int mount, int path) {
  return (int)syscall(SYS_move_mount, mount, "", path, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int cultivar_take_as_root(void) {
  // With "." for both, the old root is mounted over the new one, and "." refers to the old root (pivot_root(2),
  // "pivot_root(".", ".")").
  if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
  if (umount2(".", DETACH) < 0) return -1;
  return chdir("/");
}

int cultivar_make_mounts_private(void) { return mount("none", "/", NULL, RECURSIVE_PRIVATE, NULL); }

int cultivar_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

int cultivar_keep_capabilities(uint64_t mask) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if ((mask >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -1;
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  for (int word = 0; word < 2; word++) {
    uint32_t bits = (uint32_t)(mask >> (32 * word));
    data[word].permitted &= bits;
    data[word].effective = data[word].permitted;
    data[word].inheritable = 0;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
  return (int)syscall(SYS_capset, &header, data);
}

int cultivar_execute(int file, char *const *arguments) {
  return (int)syscall(SYS_execveat, file, "", arguments, environ, AT_EMPTY_PATH);
}

int cultivar_hide_process(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/// The number 1 is KEYCTL_JOIN_SESSION_KEYRING of <linux/keyctl.h>. A kernel without keyrings returns ENOSYS.
int cultivar_leave_keyrings(void) { return syscall(SYS_keyctl, 1, NULL) < 0 && errno != ENOSYS ? -1 : 0; }

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define REFUSE(code) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))
// Both architectures are little-endian, so the low half of an argument comes first.
#define REFUSE_CALL(number) LOAD(nr), SKIP_UNLESS(number, 1), REFUSE(ENOSYS)

int cultivar_filter_system_calls(void) {
  struct sock_filter rules[] = {
      LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0), REFUSE(ENOSYS),
      // x32 has its own system call numbers under the architecture of x86-64.
      LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), REFUSE(ENOSYS),
      REFUSE_CALL(SYS_keyctl), REFUSE_CALL(SYS_add_key), REFUSE_CALL(SYS_request_key),
      REFUSE_CALL(SYS_io_uring_setup), REFUSE_CALL(SYS_io_uring_enter), REFUSE_CALL(SYS_io_uring_register),
      LOAD(nr), SKIP_UNLESS(SYS_ioctl, 4), LOAD(args[1]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
      SKIP_UNLESS(TIOCLINUX, 1), REFUSE(EPERM),
      LOAD(nr), SKIP_UNLESS(SYS_socket, 3), LOAD(args[0]), SKIP_UNLESS(AF_VSOCK, 1), REFUSE(EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int cultivar_open_terminal_peer(int master) {
  int locked = 0;
  if (ioctl(master, TIOCSPTLCK, &locked) < 0) return -1;
  return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}
