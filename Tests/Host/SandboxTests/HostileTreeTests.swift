import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

/// Trees and programs that try to reach the build host.
@Suite("Hostile trees", .enabled(if: Bench.canMount, "mounting needs root, or subordinate ids"))
struct HostileTreeTests {
  @Test(
    "No program of the tree runs before the host's root is unmounted", arguments: [Sandbox.Place.inside, .beside],
    [false, true])
  func programs(place: Sandbox.Place, network: Bool) async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      let reached = bench.folder.appending(path: "reached").path
      let attack = "#!/bin/busybox sh\n/bin/busybox test ! -e '\(bench.folder.path)' || echo \"$0\" >> '\(reached)'\n"
      for name in ["chroot", "hostname", "ip", "mount", "mv", "pivot_root", "rmdir", "sh", "umount", "unshare"] {
        for folder in ["bin", "sbin", "usr/bin", "usr/sbin"] where name != "sh" || folder != "bin" {
          let file = system.appending(path: "\(folder)/\(name)")
          try? FileManager.default.removeItem(at: file)
          try system.writing(attack, to: "\(folder)/\(name)", mode: 0o755)
        }
      }
      _ = try? await bench.box.run("exit 0", root: .view(lower: [system]), place: place, network: network, to: "start")
      #expect(!FileManager.default.fileExists(atPath: reached))
    }
  }

  @Test(
    "A link in the tree at a mount point of the sandbox leads only into the tree",
    arguments: ["proc", "dev", "run", "sys", "tmp", "etc/resolv.conf", "etc", "given"], ["", "/run/.."])
  func links(path: String, prefix: String) async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      let precious = try bench.layer("precious")
      try precious.writing("precious", to: "resolv.conf")
      try precious.writing("precious", to: "null")
      let before = try bench.picture(of: precious)
      try? FileManager.default.removeItem(at: system.appending(path: path))
      try FolderTree.create(system.appending(path: path).deletingLastPathComponent().path)
      let target = prefix + precious.path + (path == "etc/resolv.conf" ? "/resolv.conf" : "")
      try FolderTree.link(target, at: system.appending(path: path).path)
      let upper = try bench.layer("upper")

      // It may fail, as a link leads nowhere, or work within the tree.
      _ = try? await bench.box.run(
        "echo x > /tmp/file; echo x > /run/file; echo x > /given/file; echo x > /etc/resolv.conf",
        root: .overlay(lower: [system], upper: upper),
        bindings: [Sandbox.Binding(try bench.layer("given"), at: "/given", isWritable: true)], network: true,
        to: "write")

      #expect(try bench.picture(of: precious) == before)
    }
  }

  /// Attempted changes to the machine, each of which must fail.
  static let attempts = [
    "mount -o remount,rw,bind /usr", "mount -o remount,rw,bind /proc/sys", "mount -t tmpfs tmpfs /mnt",
    "umount /proc/sys",
    "umount /usr", "umount -l /", "mount --bind /tmp /usr", "mount -t proc proc /mnt", "mount -t sysfs sysfs /mnt",
    "echo x > /usr/written", "echo '|/x' > /proc/sys/kernel/core_pattern",
    "echo 0 > /proc/sys/kernel/randomize_va_space",
    "echo b > /proc/sysrq-trigger", "hostname taken", "unshare -m true", "chroot /proc/1/root ls /boot",
    "mknod /tmp/disk b 254 0 && cat /tmp/disk", "insmod /tmp/module", "dmesg -c", "reboot -f",
    "unshare -Ur true", "unshare -rUmC mount -t cgroup2 cgroup2 /mnt", "cat /proc/1/exe > /tmp/exe", "ls /proc/1/fd/0",
    "ls /proc/1/root/etc",
    "kill -0 0 && kill -KILL 1 && test ! -e /proc/1",
    "unshare -Urm mount -o remount,rw,bind /usr", "unshare -Urm umount /proc/sys",
    "unshare -Urm sh -c 'mount -o remount,rw,bind /proc/sys && echo 0 > /proc/sys/kernel/randomize_va_space'",
  ]

  @Test(
    "Root in a sandbox has no rights over mounts, the kernel and the clock", arguments: [Sandbox.Place.inside, .beside])
  func rights(place: Sandbox.Place) async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      try FolderTree.create(system.appending(path: "usr").path)
      try FolderTree.create(system.appending(path: "mnt").path)
      let script = Self.attempts.map {
        // Inside, the shell's tools are busybox's; beside the tree, the host's.
        place == .inside && !$0.hasPrefix("echo") ? "busybox \($0)" : $0
      }.map { "if (\($0)) >/dev/null 2>&1; then echo \($0.quotedForShell); fi" }.joined(separator: "\n")
      // A program may change the tree's /usr.
      let allowed = place == .inside ? "echo x > /usr/written\n" : ""
      let said = try await bench.box.run(
        "mkdir -p /mnt || true\n" + script, root: .view(lower: [system]), place: place, to: "attack")
      #expect(said == allowed)
    }
  }

  @Test("A program has only the capabilities that installing packages needs")
  func capabilities() async throws {
    try await Bench.with { bench in
      let said = try await bench.box.run(
        "grep -E '^Cap(Prm|Eff|Bnd|Inh|Amb)' /proc/self/status", root: .view(lower: [try bench.system()]), to: "look")
      let sets = said.split(separator: "\n").reduce(into: [Substring: Substring]()) { sets, line in
        let words = line.split(whereSeparator: \.isWhitespace)
        sets[words[0]] = words[1]
      }
      // chown, dac_override, dac_read_search, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, sys_chroot, audit_write, setfcap
      let kept: Substring = "00000000a00405ff"
      #expect(sets["CapPrm:"] == kept)
      #expect(sets["CapEff:"] == kept)
      #expect(sets["CapBnd:"] == kept)
      #expect(sets["CapInh:"] == "0000000000000000")
      #expect(sets["CapAmb:"] == "0000000000000000")
    }
  }

  @Test("Without the network, a program can listen on any port of the loopback interface")
  func loopback() async throws {
    try await Bench.with { bench in
      let said = try await bench.box.run(
        """
        busybox nc -l -p 80 & server=$!
        sleep 0.5
        kill -0 $server && echo listens
        """, root: .view(lower: [try bench.system()]), to: "listen")
      #expect(said == "listens\n")
    }
  }

  @Test("A program beside the tree finds no passwords and keys of the host")
  func hostSecrets() async throws {
    try await Bench.with { bench in
      let said = try await bench.box.run(
        "ls -d /etc/shadow /etc/gshadow /etc/ssl/private /etc/ssh /root/.ssh /home /var /boot /sys/kernel /sys/class 2>/dev/null || true",
        root: .view(lower: [try bench.system()]), place: .beside, to: "look")
      #expect(said == "")
    }
  }

  @Test("Files of the tree get the capabilities that packages set")
  func attributes() async throws {
    try await Bench.with { bench in
      let upper = try bench.layer("upper")
      let root = Sandbox.Root.overlay(lower: [], upper: upper)
      try await bench.box.run(
        """
        cd \(Sandbox.treePath)
        cp /bin/sh ping
        setcap cap_net_raw+ep ping
        chown 1234:2345 ping 2>/dev/null || true
        setcap cap_net_raw+ep ping
        """, root: root, place: .beside, to: "write")
      let said = try await bench.box.run(
        "cd \(Sandbox.treePath); getcap ping; stat -c '%u:%g' ping", root: .view(lower: [upper]), place: .beside,
        to: "look")
      #expect(said == "ping cap_net_raw=ep\n1234:2345\n")
    }
  }
}
