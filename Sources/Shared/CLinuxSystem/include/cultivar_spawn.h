/// Starting a program with everything that has to happen between `fork` and `execve`.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// What the child does before it becomes the program, in the order of the fields.
struct cultivar_spawn {
  const char *path;
  char *const *arguments;
  char *const *environment;
  const char *directory;
  /// Descriptors that become 0, 1 and 2.
  int standard[3];
  /// An open `cgroup.procs` to join; -1 for none.
  int cgroup;
  /// Make descriptor 0 the controlling terminal of the new session.
  bool claims_terminal;
  /// A mount name space with an empty `/tmp` of its own, and `/var/tmp` and `/dev/shm` where there are such folders.
  bool private_tmp;
  /// With these: a folder that stands in the place of `/dev`; NULL for `/dev` as it is.
  const char *devices;
  /// With these: `/sys` can only be read.
  bool read_only_kernel;
  /// With these: paths that can only be read, with all below them, ended by NULL. One that is not there is passed over.
  char *const *read_only_paths;
  /// Take the user and group below, without supplementary groups.
  bool changes_user;
  uid_t uid;
  gid_t gid;
  /// Keep only the capabilities of the mask, also for a user other than root.
  bool limits_capabilities;
  uint64_t capabilities;
};

/// Where a child failed.
enum cultivar_spawn_step {
  CULTIVAR_STEP_FORK = 0,
  CULTIVAR_STEP_SESSION,
  CULTIVAR_STEP_CGROUP,
  CULTIVAR_STEP_TERMINAL,
  CULTIVAR_STEP_PRIVATE_TMP,
  CULTIVAR_STEP_CAPABILITIES,
  CULTIVAR_STEP_USER,
  CULTIVAR_STEP_DIRECTORY,
  CULTIVAR_STEP_DESCRIPTORS,
  CULTIVAR_STEP_EXECUTE,
};

/// Starts the program and waits until it is executed or has failed to be.
///
/// Returns the process id, or -1 with `errno` and `*failed_step` set; a child that failed has been waited for.
pid_t cultivar_spawn(const struct cultivar_spawn *spawn, enum cultivar_spawn_step *failed_step);
