import Foundation
import Glibc
import HostSystem
import TestFixtures
import Testing

@testable import Sandbox

@Suite("Limits of a sandbox", .serialized, .enabled(if: Bench.canMount, "mounting needs root, or subordinate ids"))
struct LimitTests {
  @Test(
    "A program that starts processes without end is killed with all of them, and the host is unaffected",
    .timeLimit(.minutes(10)),
    arguments: ["while :; do sleep SECONDS & done", "bomb() { bomb | bomb & }; bomb; sleep SECONDS"])
  func processes(script: String) async throws {
    // A unique number, as the same tests run for another user at the same time.
    let seconds = "\(1_000_000_000 + Int(getpid()))"
    try await Bench.with { bench in
      let failure = await #expect(throws: CommandFailure.self) {
        try await bench.box.run(
          script.replacing("SECONDS", with: seconds), root: .view(lower: [try bench.system()]), to: "run a step")
      }
      #expect(failure?.description.contains("it was ended because it started more than 4096 processes") == true)
      let left = try Bench.processes(with: seconds)
      #expect(left == [])
    }
  }

  @Test(
    "A program that fills a file system in memory gets an error: no space left",
    arguments: ["/tmp", "/run", "/dev/shm"])
  func space(folder: String) async throws {
    try await Bench.with { bench in
      let failure = await #expect(throws: CommandFailure.self) {
        // More than any machine has. The kernel refuses it before it allocates a page.
        try await bench.box.run(
          "busybox fallocate -l 100000000000000 \(folder)/file", root: .view(lower: [try bench.system()]),
          to: "run a step")
      }
      #expect(failure?.description.contains("No space left on device") == true)
    }
  }

  @Test("The file systems in memory together leave some memory free", arguments: [Sandbox.Place.inside, .beside])
  func sizes(place: Sandbox.Place) async throws {
    try await Bench.with { bench in
      let mounts = try await bench.box.run(
        "cat /proc/self/mountinfo", root: .view(lower: [try bench.system()]), place: place, to: "look")
      let sizes = mounts.split(separator: "\n").filter { $0.contains(" - tmpfs tmpfs ") }.map { line in
        line.split(separator: ",").last { $0.hasPrefix("size=") }.flatMap {
          Int($0.dropFirst(5).prefix { $0.isNumber })
        }
      }
      let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) / 1024
      #expect(sizes.count >= 4)
      #expect(sizes.reduce(0) { $0 + ($1 ?? memory) } < memory * 9 / 10)
    }
  }

  @Test("There are no core dumps, and the limit of open files is that of a session")
  func resources() async throws {
    try await Bench.with { bench in
      let limits = try await bench.box.run(
        "ulimit -c; ulimit -n; test $(ulimit -H -n) -le 524288", root: .view(lower: [try bench.system()]), to: "look")
      #expect(limits == "0\n1024\n")
    }
  }
}
