import Foundation
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

/// Programs that destroy all files they can reach, as root of their sandbox.
///
/// Each checks first that it runs in a sandbox, and otherwise destroys nothing.
@Suite("The sandbox and the host", .enabled(if: Bench.canMount, "mounting needs root, or subordinate ids"))
struct CanaryTests {
  /// Prepends checks that end the script if it can see the host's root or change a node of the host.
  private static func guarded(_ bench: Bench, _ script: String) -> String {
    let marker = bench.folder.path
    return """
      test -e /run/cultivar/script || exit 90
      test ! -e '\(marker)' || exit 91
      while read -r id parent device root point options rest; do
        case $point in
          /dev/null | /dev/zero | /dev/full | /dev/random | /dev/urandom | /dev/tty)
            case $options in ro,* | ro) ;; *) exit 92 ;; esac ;;
          /usr | /usr/* | /etc | /etc/* | /opt | /opt/* | /lib* | /bin | /sbin)
            case $options in ro,* | ro) ;; *) exit 93 ;; esac ;;
        esac
      done < /proc/self/mountinfo
      \(script)
      """
  }

  /// Scripts that remove everything that has a path. They continue after each failure.
  static let attacks = [
    "rm -rf --one-file-system --no-preserve-root / || rm -rf /* || true",
    "for path in /* /run/* /run/*/* /dev/* /tmp/*; do rm -rf \"$path\" || true; done",
    "find / -depth -delete || find / -xdev -depth -delete || true",
    // Change modes and owners, and truncate.
    """
    for path in /dev/* /run/*/* /run/*/*/* /usr/bin /etc /etc/hostname; do
      chmod 000 "$path" || true
      chown 12345:12345 "$path" || true
      case $path in /dev/*) ;; *) : > "$path" || true ;; esac
    done 2>/dev/null
    """,
    // Unmount or remount first.
    """
    for path in /dev/null /dev/zero /run/only-read /run/only-read-file /run/cultivar/root /proc /; do umount "$path" || true; done
    rm -rf /run/* /dev/* || true
    """,
  ]

  @Test("Destructive programs cannot change the host", arguments: attacks, [Sandbox.Place.inside, .beside])
  func destruction(attack: String, place: Sandbox.Place) async throws {
    try await Bench.with { bench in
      let system = try bench.system()
      try system.writing("layer", to: "etc/layer")
      let upper = try bench.layer("upper")
      let read = try bench.layer("read")
      try read.writing("precious", to: "folder/file")
      let file = try bench.folder.writing("precious", to: "single")
      let written = try bench.layer("written")
      try written.writing("given away", to: "file")
      let host = try bench.layer("host")
      try host.writing("not bound at all", to: "file")
      let kept = [system, read, host, file]
      let before = try kept.map(bench.picture)
      let nodes = Bench.hostNodes()
      let programs = try FolderTree.names(in: "/usr/bin")

      // The script may fail, for example because it has removed its shell.
      do {
        try await bench.box.run(
          Self.guarded(bench, attack), root: .overlay(lower: [system], upper: upper), place: place,
          bindings: [
            Sandbox.Binding(read, at: "/run/only-read"), Sandbox.Binding(file, at: "/run/only-read-file"),
            Sandbox.Binding(written, at: "/run/written", isWritable: true),
          ], to: "destroy")
      } catch let failure as CommandFailure {
        for status in 90...93 { #expect(!failure.problem.contains("exited(\(status))"), "nothing was tried") }
      }

      #expect(try kept.map(bench.picture) == before)
      #expect(Bench.hostNodes() == nodes)
      #expect(try FolderTree.names(in: "/usr/bin") == programs)
      #expect(try bench.mounts() == [])
    }
  }

  @Test("A read-only binding cannot be written, and a writable one can")
  func bindings() async throws {
    try await Bench.with { bench in
      let (read, written) = (try bench.layer("read"), try bench.layer("written"))
      try read.writing("precious", to: "file")
      try await bench.box.run(
        """
        for file in /run/read/file /run/read/new; do if echo x 2>/dev/null > $file; then exit 3; fi; done
        echo result > /run/written/file
        """, root: .view(lower: [try bench.system()]),
        bindings: [
          Sandbox.Binding(read, at: "/run/read"), Sandbox.Binding(written, at: "/run/written", isWritable: true),
        ],
        to: "write")
      #expect(try bench.picture(of: read).count == 2)
      #expect(try read.text("file") == "precious")
      #expect(try written.text("file") == "result\n")
    }
  }

  @Test("The sandbox's device nodes work, a node made in it does not, and kernel settings cannot be changed")
  func devices() async throws {
    try await Bench.with { bench in
      let output = try await bench.box.run(
        """
        echo x > /dev/null
        test "$(dd if=/dev/zero bs=7 count=1 2>/dev/null | wc -c)" = 7
        test "$(dd if=/dev/urandom bs=7 count=1 2>/dev/null | wc -c)" = 7
        if (echo x > /dev/full) 2>/dev/null; then exit 3; fi
        for place in / /run /tmp /dev; do
          if mknod $place/zero-again c 1 5 2>/dev/null; then
            if dd if=$place/zero-again bs=1 count=1 >/dev/null 2>&1; then exit 4; fi
          fi
        done
        for file in /proc/sys/kernel/printk /proc/sysrq-trigger; do
          if (cat $file > $file) 2>/dev/null; then exit 5; fi
        done
        ls /dev
        """, root: .view(lower: [try bench.system()]), to: "look")
      let nodes = output.split(separator: "\n").map(String.init)
      #expect(
        Set(nodes).subtracting(["zero-again"]).isSubset(of: [
          "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
        ]))
    }
  }
}
