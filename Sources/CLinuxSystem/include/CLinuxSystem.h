/// System calls and kernel interfaces that Swift cannot reach by itself: variadic calls (`ioctl`, `syscall`), numbers that
/// are made by macros, and the child's half of `fork`. Everything here returns -1 with `errno` set on failure, unless said otherwise.
#pragma once

#include <arpa/inet.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "cultivar_sandbox.h"
#include "cultivar_spawn.h"

/// Makes a pipe whose ends, first the reading one, are closed on `execve`.
int cultivar_pipe(int *ends);

/// Syncs the file system of an open file (`syncfs(2)`).
int cultivar_sync_file_system(int file);

/// Exchanges the names of two files (`renameat2(2)`, `RENAME_EXCHANGE`).
int cultivar_exchange(const char *path, const char *other);

/// Loads the kernel module in the open file; `parameters` are as on `insmod`'s command line.
int cultivar_finit_module(int descriptor, const char *parameters);

/// Restarts or powers off at once; `command` is one of the `RB_` numbers.
int cultivar_reboot(int command);

/// Opens a descriptor that becomes readable when the process ends.
int cultivar_pidfd_open(pid_t pid);

/// Size of a block device in bytes.
int cultivar_block_size(int descriptor, uint64_t *bytes);

/// Opens a file for reading past the kernel's memory (O_DIRECT, whose number depends on the architecture).
int cultivar_open_direct(const char *path);

/// Opens a path as a process would whose root is `folder`: neither `..`, nor a link, nor a link of /proc leads out (openat2).
int cultivar_open_in_root(int folder, const char *path, int flags);

/// The flag that opens a place and not what is there (O_PATH).
extern const int cultivar_open_place;

/// Makes the kernel read the partition table of a disk again; fails with EBUSY while one of its partitions is in use.
int cultivar_reread_partitions(int descriptor);

/// Tells the kernel that a partition has become longer, which also works while it is in use. Offsets in bytes.
int cultivar_resize_partition(int descriptor, int number, int64_t start, int64_t length);

/// Grows a mounted ext4 file system to `blocks` of its own block size.
int cultivar_ext4_resize(int descriptor, uint64_t blocks);

/// Adds `count` bytes to the kernel's random pool and credits them as `bits` of entropy.
int cultivar_add_entropy(const void *bytes, int count, int bits);

/// Sets the watchdog's time in seconds.
int cultivar_watchdog_set_timeout(int descriptor, int seconds);

/// Whether the machine's last restart was the watchdog's, as far as its driver can tell.
bool cultivar_watchdog_has_reset(int descriptor);

/// Feeds the watchdog.
int cultivar_watchdog_feed(int descriptor);

/// Whether the input device has the key `code`.
bool cultivar_input_has_key(int descriptor, int code);

/// Numbers of the power key's events: the type `EV_KEY` and the code `KEY_POWER`.
extern const int cultivar_event_type_key;
extern const int cultivar_key_power;

/// Signal number of the `n`th real-time signal.
int cultivar_realtime_signal(int n);

/// Whether the kernel's clock is synchronised.
bool cultivar_clock_is_synchronised(void);

/// Sends bytes over a unix socket, and with them an open descriptor where `passed` is not -1.
ssize_t cultivar_send(int descriptor, const void *bytes, size_t count, int passed);

/// Receives bytes from a unix socket; `*passed` becomes a descriptor that came with them, closed on `execve`, or -1.
ssize_t cultivar_receive(int descriptor, void *bytes, size_t limit, int *passed);

/// Makes two connected sockets that are closed on `execve`.
int cultivar_socket_pair(int *ends);

/// User id of the process at the other end of a unix socket; -1 on failure.
int64_t cultivar_peer_uid(int descriptor);

/// Makes and binds a netlink socket of the protocol to the multicast groups.
int cultivar_netlink_socket(int protocol, uint32_t groups);

/// Makes orphans below this process its children, as they are PID 1's.
int cultivar_become_subreaper(void);

/// The `inline` tests of a wait status, as functions.
bool cultivar_status_exited(int status);
int cultivar_status_exit_code(int status);
int cultivar_status_signal(int status);
