#define _GNU_SOURCE
#include "CLinuxSystem.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

const int cultivar_open_place = O_PATH;

int cultivar_open_in_root(int folder, const char *path, int flags) {
  struct open_how how = {
      .flags = (uint64_t)flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}
