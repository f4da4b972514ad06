/// The Swift runtime looks up its own executable in `/proc` before `main`, and aborts if it cannot find it. The kernel
/// starts PID 1 of an initial RAM file system without `/proc`, so `/proc` must be mounted before the runtime's
/// constructors run.

#include <sys/mount.h>
#include <unistd.h>

/// 101 is the lowest priority that is not reserved. The function runs before all constructors without a priority.
__attribute__((constructor(101))) static void mount_proc_for_runtime(void) {
  if (getpid() == 1 && access("/proc/self/exe", F_OK) != 0)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
}
