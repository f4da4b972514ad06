/// Calls that make a sandbox: namespaces, mounts that are not attached to a path yet (Linux 5.12), and capabilities.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// Forks into new namespaces; `flags` are the `CLONE_NEW*` numbers of `clone(2)`. Only for a process with one thread.
pid_t cultivar_fork_into(uint64_t flags);

/// Moves this process into new namespaces; `flags` are the `CLONE_NEW*` numbers.
int cultivar_unshare(uint64_t flags);

/// Numbers of the namespaces.
extern const uint64_t cultivar_new_user, cultivar_new_mount, cultivar_new_pid, cultivar_new_ipc, cultivar_new_uts,
    cultivar_new_network, cultivar_new_cgroup;

/// Makes a detached copy of what is mounted at an open path (`open_tree(2)`); `recursive` includes the mounts below it.
int cultivar_clone_mount(int path, bool recursive);

/// Sets attributes of a detached mount, and of the mounts below it where `recursive` (`mount_setattr(2)`): `read_only`, and without
/// `devices` neither device nodes nor set-user-ID bits have an effect.
int cultivar_restrict_mount(int mount, bool read_only, bool devices, bool recursive);

/// Executes the file of an open descriptor with this process's environment (`execveat(2)`). Returns only on failure.
int cultivar_execute(int file, char *const *arguments);

/// Hides this process's memory, descriptors and executable from processes with no more rights (`PR_SET_DUMPABLE`).
int cultivar_hide_process(void);

/// Leaves the caller's keyrings: the process gets an empty session keyring of its own (`keyctl(2)`).
int cultivar_leave_keyrings(void);

/// Refuses, for this process and all that it executes, system calls that reach out of namespaces: typing into a terminal, sockets to the
/// hypervisor, keys, and asynchronous I/O past these rules; and system calls of other architectures (`seccomp(2)`).
int cultivar_filter_system_calls(void);

/// Attaches a detached mount to an open path (`move_mount(2)`).
int cultivar_attach_mount(int mount, int path);

/// Makes the current folder, which must be a mount point, the root, and detaches the old root with everything that is mounted below it.
int cultivar_take_as_root(void);

/// Stops mounts from being shared with other mount namespaces.
int cultivar_make_mounts_private(void);

/// Ends this process with SIGKILL when its parent ends. A change of credentials cancels it.
int cultivar_end_with_parent(void);

/// Gives up all capabilities that are not in the mask, one bit for each by the kernel's numbers, for this process and all that it executes.
int cultivar_keep_capabilities(uint64_t mask);

/// Unlocks a pseudoterminal and opens its other end (`TIOCGPTPEER`, Linux 4.13).
int cultivar_open_terminal_peer(int master);
