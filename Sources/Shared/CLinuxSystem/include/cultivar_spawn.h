/// Starts a program, with the necessary steps between `fork` and `execve`.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// The steps of the child before it executes the program, in the order of the fields.
struct cultivar_spawn {
  const char *path;
  char *const *arguments;
  char *const *environment;
  const char *directory;
  /// Descriptors that become 0, 1 and 2.
  int standard[3];
  /// Open `cgroup.procs` file of the cgroup to join; -1 for none.
  int cgroup;
  /// True to make descriptor 0 the controlling terminal of the new session.
  bool claims_terminal;
  /// True for a separate mount namespace with an empty `/tmp`, and with an empty `/var/tmp` and `/dev/shm` if they
  /// exist.
  bool private_tmp;
  /// With `private_tmp`: folder to bind-mount over `/dev`; NULL to keep `/dev`.
  const char *devices;
  /// With `private_tmp`: true to make `/sys` read-only.
  bool read_only_kernel;
  /// With `private_tmp`: paths to make read-only with everything below them, terminated by NULL. Paths that do not
  /// exist are skipped.
  char *const *read_only_paths;
  /// True to change to the user and group below, without supplementary groups.
  bool changes_user;
  uid_t uid;
  gid_t gid;
  /// True to keep only the capabilities of the mask, also for a user other than root.
  bool limits_capabilities;
  uint64_t capabilities;
};

/// The step at which a child failed.
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

/// Starts the program, and waits until it was executed or a step failed.
///
/// Returns the process ID, or -1 with `errno` and `*failed_step` set. A failed child has been reaped.
pid_t cultivar_spawn(const struct cultivar_spawn *spawn, enum cultivar_spawn_step *failed_step);
