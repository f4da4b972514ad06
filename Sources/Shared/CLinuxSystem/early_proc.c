/// The Swift runtime looks for its own executable in `/proc` before `main`, and aborts where it cannot find it. The kernel starts
/// PID 1 of an initial RAM file system without `/proc`, so it has to be mounted before the runtime's constructors run.

#include <sys/mount.h>
#include <unistd.h>

/// The lowest priority number that is not reserved: runs before all constructors without one.
__attribute__((constructor(101))) static void mount_proc_for_runtime(void) {
  if (getpid() == 1 && access("/proc/self/exe", F_OK) != 0)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
}
