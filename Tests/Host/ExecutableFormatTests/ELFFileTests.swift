import Foundation
import TestFixtures
import Testing

@testable import ExecutableFormat

@Suite("ELF headers")
struct ELFFileTests {
  private func read(_ sample: ELFSample) throws -> ELFFile? { try ELFFile(Data(sample.bytes)) }

  @Test("A static executable has no dependencies")
  func staticExecutable() throws {
    let file = try #require(try read(ELFSample()))
    #expect(file.machine == .x86_64)
    #expect(file.isExecutable)
    #expect(file.interpreter == nil && file.needed.isEmpty && file.soname == nil && file.runPath.isEmpty)
  }

  @Test("Loader, libraries and search path of a dynamic executable are read")
  func dynamicExecutable() throws {
    var sample = ELFSample.dynamic(needing: ["libssl.so.3", "libc.so.6"])
    sample.runPath = "$ORIGIN/../lib:/opt/lib"
    let file = try #require(try read(sample))
    #expect(file.interpreter == "/lib64/ld-linux-x86-64.so.2")
    #expect(file.needed == ["libssl.so.3", "libc.so.6"])
    #expect(file.runPath == ["$ORIGIN/../lib", "/opt/lib"])
  }

  @Test(
    "Machines are distinguished",
    arguments: [(UInt16(62), ELFFile.Machine.x86_64), (183, .aarch64), (243, .other(243, bits: 64))])
  func machines(number: UInt16, machine: ELFFile.Machine) throws {
    #expect(try read(.executable(machine: number))?.machine == machine)
  }

  @Test("For 32-bit or big-endian files only the machine is read")
  func otherClasses() throws {
    var small = ELFSample.executable(machine: 40).bytes
    small[4] = 1
    var big = ELFSample().bytes
    big[5] = 2
    big.replaceSubrange(18..<20, with: [0, 22])
    #expect(try ELFFile(Data(small))?.machine == .other(40, bits: 32))
    #expect(try ELFFile(Data(big))?.machine == .other(22, bits: 64))
  }

  @Test("A library without an entry point is not executable")
  func library() throws {
    var sample = ELFSample()
    sample.type = 3
    #expect(try read(sample)?.isExecutable == true)
    sample.entry = 0
    #expect(try read(sample)?.isExecutable == false)
  }

  @Test(
    "A file without the ELF magic number is not an ELF file",
    arguments: ["", "#!/bin/sh\n", "\u{7f}ELF", String(repeating: "x", count: 100)])
  func others(text: String) throws {
    #expect(try ELFFile(Data(text.utf8)) == nil)
  }

  @Test(
    "Executables of this machine are read like by `readelf`", arguments: ["/bin/sh", "/usr/bin/tar", "/proc/self/exe"])
  func real(path: String) throws {
    let file = try #require(try ELFFile(path: path))
    let place = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let verdict = try Judge("readelf").run(["--wide", "--dynamic", "--program-headers", place])
    let needed = verdict.output.split(separator: "\n").filter { $0.contains("(NEEDED)") }.compactMap { line in
      line.split(separator: "[").last.map { String($0.dropLast()) }
    }
    #expect(file.needed == needed)
    #expect(!needed.isEmpty)
    #expect(verdict.output.contains("interpreter: \(file.interpreter ?? "none")]"))
  }

  @Test("Every prefix of a file is read without a crash")
  func truncated() throws {
    let bytes = ELFSample.dynamic(needing: ["libc.so.6"]).bytes
    for length in 0..<bytes.count { _ = try? ELFFile(Data(bytes.prefix(length))) }
    #expect(throws: ELFFailure.self) { _ = try ELFFile(Data(bytes.prefix(100))) }
  }

  @Test("Every byte with each extreme value, and ten thousand random changes, are read without a crash")
  func corrupted() {
    var sample = ELFSample.dynamic(needing: ["libc.so.6", "libm.so.6"])
    sample.runPath = "/lib"
    let bytes = sample.bytes
    for index in bytes.indices {
      for value in [UInt8(0), 1, 0x7f, 0x80, 0xff] {
        var damaged = bytes
        damaged[index] = value
        _ = try? ELFFile(Data(damaged))
      }
    }
    var random = SeededGenerator(seed: 7)
    for _ in 0..<10_000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...16, using: &random) {
        let start = Int.random(in: 4..<damaged.count, using: &random)
        let value = [UInt8](
          repeating: Bool.random(using: &random) ? 0xff : .random(in: 0...255, using: &random), count: 8)
        for (offset, byte) in value.enumerated() where start + offset < damaged.count { damaged[start + offset] = byte }
      }
      _ = try? ELFFile(Data(damaged))
    }
  }

  @Test("A slice of a larger file is read by its own offsets")
  func slice() throws {
    let bytes = ELFSample.dynamic(needing: ["libc.so.6"]).bytes
    let whole = Data([1, 2, 3] + bytes)
    #expect(try ELFFile(whole.dropFirst(3))?.needed == ["libc.so.6"])
  }
}
