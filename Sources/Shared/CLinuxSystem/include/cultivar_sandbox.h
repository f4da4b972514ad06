/// System calls for a sandbox: namespaces, detached mounts (Linux 5.12), and capabilities.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// Forks into new namespaces. `flags` are the `CLONE_NEW*` constants of `clone(2)`. The process must have only one
/// thread.
pid_t cultivar_fork_into(uint64_t flags);

/// Moves this process into new namespaces. `flags` are the `CLONE_NEW*` constants.
int cultivar_unshare(uint64_t flags);

/// The `CLONE_NEW*` constants.
extern const uint64_t cultivar_new_user, cultivar_new_mount, cultivar_new_pid, cultivar_new_ipc, cultivar_new_uts,
    cultivar_new_network, cultivar_new_cgroup;

/// Makes a detached copy of the mount at an open path (`open_tree(2)`). `recursive` includes the mounts below it.
int cultivar_clone_mount(int path, bool recursive);

/// Sets attributes of a detached mount, and with `recursive` of the mounts below it (`mount_setattr(2)`). `read_only`
/// makes it read-only. Without `devices`, device nodes and set-user-ID bits have no effect.
int cultivar_restrict_mount(int mount, bool read_only, bool devices, bool recursive);

/// Executes the file of an open descriptor with this process's environment (`execveat(2)`). Returns only on failure.
int cultivar_execute(int file, char *const *arguments);

/// Protects this process's memory, descriptors and executable from processes without more privileges
/// (`PR_SET_DUMPABLE`).
int cultivar_hide_process(void);

/// Gives the process a new empty session keyring, instead of the caller's (`keyctl(2)`).
int cultivar_leave_keyrings(void);

/// Blocks system calls that bypass namespaces, for this process and all programs that it executes (`seccomp(2)`):
/// terminal input injection, sockets to the hypervisor, keyrings, and io_uring, which would bypass this filter. Also
/// blocks system calls of other architectures.
int cultivar_filter_system_calls(void);

/// Attaches a detached mount at an open path (`move_mount(2)`).
int cultivar_attach_mount(int mount, int path);

/// Makes the current directory, which must be a mount point, the root. Detaches the old root with all mounts below it.
int cultivar_take_as_root(void);

/// Stops the propagation of mounts to other mount namespaces.
int cultivar_make_mounts_private(void);

/// Makes the kernel kill this process with SIGKILL when its parent exits. A change of credentials cancels this.
int cultivar_end_with_parent(void);

/// Drops all capabilities outside the mask, for this process and all programs that it executes. The mask has one bit
/// for each capability number.
int cultivar_keep_capabilities(uint64_t mask);

/// Unlocks a pseudoterminal and opens its peer (`TIOCGPTPEER`, Linux 4.13).
int cultivar_open_terminal_peer(int master);
