/// System calls and kernel interfaces that Swift cannot use directly: variadic calls (`ioctl`, `syscall`), constants
/// defined by macros, and the child's part of `fork`. Functions return -1 and set `errno` on failure, unless stated
/// otherwise.
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

/// Makes a pipe. Both ends, the reading one first, are closed on `execve`.
int cultivar_pipe(int *ends);

/// Syncs the file system of an open file (`syncfs(2)`).
int cultivar_sync_file_system(int file);

/// Exchanges the names of two files (`renameat2(2)`, `RENAME_EXCHANGE`).
int cultivar_exchange(const char *path, const char *other);

/// Loads the kernel module in an open file. `parameters` has the format of `insmod`'s command line.
int cultivar_finit_module(int descriptor, const char *parameters);

/// Restarts or powers off the machine immediately. `command` is one of the `RB_` constants.
int cultivar_reboot(int command);
// Restarts the machine at once with an argument for the firmware (LINUX_REBOOT_CMD_RESTART2).
int cultivar_restart(const char *argument);

/// Opens a descriptor that becomes readable when the process exits.
int cultivar_pidfd_open(pid_t pid);

/// Reads the size of a block device in bytes.
int cultivar_block_size(int descriptor, uint64_t *bytes);

/// Opens a file for reading without the page cache (O_DIRECT, whose value depends on the architecture).
int cultivar_open_direct(const char *path);

/// Opens a path as if `folder` were the root: neither `..` nor symbolic links lead out of it, and magic links of /proc
/// are refused (openat2).
int cultivar_open_in_root(int folder, const char *path, int flags);

/// The flag for opening a path without opening the file (O_PATH).
extern const int cultivar_open_place;

/// Makes the kernel read a disk's partition table again. Fails with EBUSY while one of its partitions is in use.
int cultivar_reread_partitions(int descriptor);

/// Tells the kernel the new length of a partition, which may be in use. Offsets in bytes.
int cultivar_resize_partition(int descriptor, int number, int64_t start, int64_t length);

/// Grows a mounted ext4 file system to `blocks` blocks of its own block size.
int cultivar_ext4_resize(int descriptor, uint64_t blocks);

/// Adds `count` bytes to the kernel's random pool and credits them as `bits` of entropy.
int cultivar_add_entropy(const void *bytes, int count, int bits);

/// Sets the watchdog's timeout in seconds.
int cultivar_watchdog_set_timeout(int descriptor, int seconds);

/// True if the watchdog caused the machine's last restart, as far as its driver reports this.
bool cultivar_watchdog_has_reset(int descriptor);

int cultivar_watchdog_feed(int descriptor);

/// The format of a screen's memory: sizes in pixels, bytes and bits.
struct cultivar_framebuffer {
  uint32_t width, height, row_length, pixel_bits;
  uint32_t red_offset, red_length, green_offset, green_length, blue_offset, blue_length;
};

/// Reads the format of a framebuffer device.
int cultivar_framebuffer_read(int descriptor, struct cultivar_framebuffer *format);

/// Lets the kernel draw its console on the screen of a virtual terminal, or not.
int cultivar_console_show(int descriptor, bool shown);

/// True if the input device has the key `code`.
bool cultivar_input_has_key(int descriptor, int code);

/// Numbers of the power key's events: the type `EV_KEY` and the code `KEY_POWER`.
extern const int cultivar_event_type_key;
extern const int cultivar_key_power;

/// Signal number of the `n`th real-time signal.
int cultivar_realtime_signal(int n);

/// True if the kernel's clock is synchronised.
bool cultivar_clock_is_synchronised(void);

/// Sends bytes over a unix socket, with an open descriptor unless `passed` is -1.
ssize_t cultivar_send(int descriptor, const void *bytes, size_t count, int passed);

/// Receives bytes from a unix socket. `*passed` is set to a received descriptor, which is closed on `execve`, or to -1.
ssize_t cultivar_receive(int descriptor, void *bytes, size_t limit, int *passed);

/// Makes two connected sockets that are closed on `execve`.
int cultivar_socket_pair(int *ends);

/// Returns the user ID of the process at the other end of a unix socket; -1 on failure.
int64_t cultivar_peer_uid(int descriptor);

/// Makes a netlink socket of a protocol and binds it to the multicast groups.
int cultivar_netlink_socket(int protocol, uint32_t groups);

/// Makes this process the parent of orphaned descendants, like PID 1.
int cultivar_become_subreaper(void);

/// The C library's macros for a wait status, as functions.
bool cultivar_status_exited(int status);
int cultivar_status_exit_code(int status);
int cultivar_status_signal(int status);
