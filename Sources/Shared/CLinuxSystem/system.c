#define _GNU_SOURCE
#include "CLinuxSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/input.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/watchdog.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fb.h>
#include <linux/kd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// From the kernel's fs/ext4/ext4.h, which is not an exported header.
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

const int cultivar_event_type_key = EV_KEY;
const int cultivar_key_power = KEY_POWER;

int cultivar_sync_file_system(int file) { return syncfs(file); }

int cultivar_exchange(const char *path, const char *other) {
  return renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE);
}

int cultivar_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }

ssize_t cultivar_send(int descriptor, const void *bytes, size_t count, int passed) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof passed)] = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (passed >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof passed);
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

ssize_t cultivar_receive(int descriptor, void *bytes, size_t limit, int *passed) {
  struct iovec part = {.iov_base = bytes, .iov_len = limit};
  // The maximum number of descriptors in one message (SCM_MAX_FD). Room for all of them makes sure that each one can be
  // closed.
  enum { most = 253 };
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(most * sizeof *passed)] = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  *passed = -1;
  ssize_t count = recvmsg(descriptor, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t numbers = (header->cmsg_len - CMSG_LEN(0)) / sizeof *passed;
    for (size_t number = 0; number < numbers; number++) {
      int other;
      memcpy(&other, CMSG_DATA(header) + number * sizeof other, sizeof other);
      if (*passed < 0) *passed = other;
      else close(other);
    }
  }
  return count;
}

int cultivar_socket_pair(int *ends) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

int cultivar_finit_module(int descriptor, const char *parameters) {
  return (int)syscall(SYS_finit_module, descriptor, parameters, 0);
}

int cultivar_reboot(int command) { return reboot(command); }

int cultivar_restart(const char *argument) {
  return (int)syscall(
      SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, argument);
}

int cultivar_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int cultivar_block_size(int descriptor, uint64_t *bytes) { return ioctl(descriptor, BLKGETSIZE64, bytes); }

int cultivar_open_direct(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_DIRECT); }

int cultivar_reread_partitions(int descriptor) { return ioctl(descriptor, BLKRRPART, 0); }

int cultivar_resize_partition(int descriptor, int number, int64_t start, int64_t length) {
  struct blkpg_partition partition = {.start = start, .length = length, .pno = number};
  struct blkpg_ioctl_arg argument = {
      .op = BLKPG_RESIZE_PARTITION, .flags = 0, .datalen = sizeof partition, .data = &partition};
  return ioctl(descriptor, BLKPG, &argument);
}

int cultivar_ext4_resize(int descriptor, uint64_t blocks) { return ioctl(descriptor, EXT4_IOC_RESIZE_FS, &blocks); }

int cultivar_add_entropy(const void *bytes, int count, int bits) {
  if (count < 0 || count > 4096) {
    errno = EINVAL;
    return -1;
  }
  _Alignas(struct rand_pool_info) unsigned char storage[sizeof(struct rand_pool_info) + 4096];
  struct rand_pool_info *pool = (struct rand_pool_info *)storage;
  pool->entropy_count = bits;
  pool->buf_size = count;
  memcpy(pool->buf, bytes, (size_t)count);
  int descriptor = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return -1;
  int result = ioctl(descriptor, RNDADDENTROPY, pool);
  int error = errno;
  close(descriptor);
  errno = error;
  return result;
}

int cultivar_watchdog_set_timeout(int descriptor, int seconds) {
  return ioctl(descriptor, WDIOC_SETTIMEOUT, &seconds);
}

bool cultivar_watchdog_has_reset(int descriptor) {
  int status = 0;
  return ioctl(descriptor, WDIOC_GETBOOTSTATUS, &status) == 0 && (status & WDIOF_CARDRESET) != 0;
}

int cultivar_watchdog_feed(int descriptor) { return ioctl(descriptor, WDIOC_KEEPALIVE, 0); }

int cultivar_framebuffer_read(int descriptor, struct cultivar_framebuffer *format) {
  struct fb_var_screeninfo screen = {0};
  struct fb_fix_screeninfo memory = {0};
  if (ioctl(descriptor, FBIOGET_VSCREENINFO, &screen) < 0 || ioctl(descriptor, FBIOGET_FSCREENINFO, &memory) < 0)
    return -1;
  *format = (struct cultivar_framebuffer){
      .width = screen.xres, .height = screen.yres, .row_length = memory.line_length,
      .pixel_bits = screen.bits_per_pixel,
      .red_offset = screen.red.offset, .red_length = screen.red.length,
      .green_offset = screen.green.offset, .green_length = screen.green.length,
      .blue_offset = screen.blue.offset, .blue_length = screen.blue.length};
  return 0;
}

int cultivar_console_show(int descriptor, bool shown) {
  return ioctl(descriptor, KDSETMODE, shown ? KD_TEXT : KD_GRAPHICS);
}

bool cultivar_input_has_key(int descriptor, int code) {
  unsigned char keys[KEY_MAX / 8 + 1] = {0};
  if (code < 0 || code > KEY_MAX || ioctl(descriptor, EVIOCGBIT(EV_KEY, sizeof keys), keys) < 0) return false;
  return (keys[code / 8] >> (code % 8) & 1) != 0;
}

int cultivar_realtime_signal(int n) { return SIGRTMIN + n; }

bool cultivar_clock_is_synchronised(void) {
  struct timex state = {.modes = 0};
  return adjtimex(&state) != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

int64_t cultivar_peer_uid(int descriptor) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -1;
  return peer.uid;
}

int cultivar_netlink_socket(int protocol, uint32_t groups) {
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (descriptor < 0) return -1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
  }
  return descriptor;
}

int cultivar_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

bool cultivar_status_exited(int status) { return WIFEXITED(status); }
int cultivar_status_exit_code(int status) { return WEXITSTATUS(status); }
int cultivar_status_signal(int status) { return WTERMSIG(status); }
