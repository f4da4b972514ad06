#define _GNU_SOURCE
#include "cultivar_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Limits on open files. The soft limit is the maximum that `select` supports.
static const struct rlimit open_files = {.rlim_cur = 1024, .rlim_max = 524288};

static int set_capabilities(uint64_t mask) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  for (int word = 0; word < 2; word++) {
    uint32_t bits = (uint32_t)(mask >> (32 * word));
    data[word].effective = data[word].permitted = data[word].inheritable = bits;
  }
  return (int)syscall(SYS_capset, &header, data);
}

/// Removes all capabilities outside the mask from the bounding set, so that no executable can regain them.
static int limit_bounding_set(uint64_t mask) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if ((mask >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -1;
  }
  errno = 0;
  return 0;
}

/// Adds the mask to the ambient set, which a user other than root keeps over `execve`.
static int raise_ambient_set(uint64_t mask) {
  for (int capability = 0; capability < 64; capability++) {
    if ((mask >> capability & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -1;
  }
  return 0;
}

/// Mounts an empty tmpfs, if the mount point exists.
static int mount_memory(const char *place) {
  return mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0 && errno != ENOENT ? -1 : 0;
}

/// Makes the mounts at a path and below it read-only (Linux 5.12).
static int make_read_only(const char *place, bool as_a_mount_of_its_own) {
  // struct mount_attr of linux/mount.h, a header that conflicts with sys/mount.h.
  const struct {
    uint64_t set, clear, propagation, user_namespace;
  } attributes = {.set = 1 /* MOUNT_ATTR_RDONLY */};
  if (as_a_mount_of_its_own && mount(place, place, NULL, MS_BIND | MS_REC, NULL) < 0) return errno == ENOENT ? 0 : -1;
  return (int)syscall(SYS_mount_setattr, AT_FDCWD, place, AT_RECURSIVE, &attributes, sizeof attributes);
}

static int mount_own_view(const struct cultivar_spawn *spawn) {
  if (unshare(CLONE_NEWNS) < 0) return -1;
  // With slave propagation the program sees later mounts, but its own /tmp stays private.
  if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return -1;
  if (spawn->devices != NULL) {
    if (mount(spawn->devices, "/dev", NULL, MS_BIND | MS_REC, NULL) < 0) return -1;
    if (mount(NULL, "/dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0) return -1;
  }
  if (mount_memory("/tmp") < 0 || mount_memory("/var/tmp") < 0 || mount_memory("/dev/shm") < 0) return -1;
  for (char *const *path = spawn->read_only_paths; path != NULL && *path != NULL; path++) {
    if (make_read_only(*path, true) < 0) return -1;
  }
  return spawn->read_only_kernel ? make_read_only("/sys", false) : 0;
}

/// Uses system calls directly: the C library's functions would change the user of all threads of the parent, which
/// shares its memory with the child.
static int change_user(const struct cultivar_spawn *spawn) {
  if (syscall(SYS_setgroups, 0, NULL) < 0) return -1;
  if (syscall(SYS_setresgid, spawn->gid, spawn->gid, spawn->gid) < 0) return -1;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -1;
  return (int)syscall(SYS_setresuid, spawn->uid, spawn->uid, spawn->uid);
}

static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/// Moves the descriptors to 0, 1 and 2. They are duplicated first, because one of them may be 0, 1 or 2 itself.
static int place_descriptors(const int standard[3]) {
  int moved[3];
  for (int target = 0; target < 3; target++) {
    moved[target] = fcntl(standard[target], F_DUPFD_CLOEXEC, 3);
    if (moved[target] < 0) return -1;
  }
  for (int target = 0; target < 3; target++) {
    if (dup2(moved[target], target) < 0) return -1;
  }
  return (int)syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
}

/// Runs in the child. Makes only calls that are safe between `vfork` and `execve`. Returns only on failure.
__attribute__((noinline)) static enum cultivar_spawn_step become(const struct cultivar_spawn *spawn) {
  if (setsid() < 0) return CULTIVAR_STEP_SESSION;
  if (spawn->cgroup >= 0 && write(spawn->cgroup, "0", 1) != 1) return CULTIVAR_STEP_CGROUP;
  if (spawn->claims_terminal && ioctl(spawn->standard[0], TIOCSCTTY, 1) < 0) return CULTIVAR_STEP_TERMINAL;
  if (spawn->private_tmp && mount_own_view(spawn) < 0) return CULTIVAR_STEP_PRIVATE_TMP;
  // Errors are ignored: without the privilege, the program inherits its parent's limit.
  setrlimit(RLIMIT_NOFILE, &open_files);
  if (spawn->limits_capabilities && limit_bounding_set(spawn->capabilities) < 0) return CULTIVAR_STEP_CAPABILITIES;
  if (spawn->changes_user && change_user(spawn) < 0) return CULTIVAR_STEP_USER;
  if (spawn->limits_capabilities &&
      (set_capabilities(spawn->capabilities) < 0 || raise_ambient_set(spawn->capabilities) < 0))
    return CULTIVAR_STEP_CAPABILITIES;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return CULTIVAR_STEP_CAPABILITIES;
  umask(022);
  if (spawn->directory != NULL && chdir(spawn->directory) < 0) return CULTIVAR_STEP_DIRECTORY;
  reset_signals();
  if (place_descriptors(spawn->standard) < 0) return CULTIVAR_STEP_DESCRIPTORS;
  execve(spawn->path, spawn->arguments, spawn->environment);
  return CULTIVAR_STEP_EXECUTE;
}

pid_t cultivar_spawn(const struct cultivar_spawn *spawn, enum cultivar_spawn_step *failed_step) {
  // Until `execve`, the child uses the parent's memory and the parent is suspended. So nothing is copied, and the child
  // can report its progress in these variables.
  volatile enum cultivar_spawn_step step = CULTIVAR_STEP_FORK;
  volatile int error = 0;
  // No handler of the parent may run in the child, so signals are blocked until their handlers are reset.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = vfork();
  if (child == 0) {
    step = become(spawn);
    error = errno;
    _exit(127);
  }
  if (child < 0) error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  *failed_step = step;
  if (error == 0) return child;
  while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
  errno = error;
  return -1;
}
