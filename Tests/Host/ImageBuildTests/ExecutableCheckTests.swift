import DeviceModel
import Foundation
import HostSystem
import Project
import RootFilesystem
import TestFixtures
import Testing

@testable import ImageBuild

@Suite("Executables of programs")
struct ExecutableCheckTests {
  /// Makes a program whose project file names an executable.
  private func program(in folder: URL) throws -> ProgramDefinition {
    try folder.writing("", to: "app", mode: 0o755)
    let file = try folder.writing(
      """
      cultivar: 1
      name: test
      images:
        test:
          device: generic-x86_64
          layout: appliance-ab
          programs:
            - executable: ./app
      """, to: "cultivar.yaml")
    return try #require(try ProjectReader().read(file).project.images.first?.programs.first)
  }

  private func check(_ bytes: [UInt8], shell: FileTree.Kind? = nil) async throws -> ImageFailure? {
    try await withTemporaryFolder { folder in
      let program = try program(in: folder)
      var tree = FileTree()
      try tree.add("usr/lib/programs/app", .file(.bytes(bytes)), mode: 0o755, from: "program app")
      if let shell { try tree.add("usr/bin/sh", shell, mode: 0o755, from: "package dash") }
      do {
        try ExecutableCheck(program: program, architecture: .amd64, tree: tree).check(
          "/usr/lib/programs/app", shown: "./app")
        return nil
      } catch let failure as ImageFailure {
        return failure
      }
    }
  }

  private static let refused = "cultivar.yaml:8:9: the program `app` cannot run in this image: ./app "

  @Test("An executable for the image's machine is accepted, and so is a script with its interpreter")
  func good() async throws {
    #expect(try await check(ELFSample().bytes)?.problem == nil)
    #expect(try await check(Array("#!/bin/sh\n".utf8), shell: .file(.bytes([])))?.problem == nil)
    #expect(try await check(Array("#! /bin/sh -e".utf8), shell: .file(.bytes([])))?.problem == nil)
  }

  @Test("An executable for another machine is refused with both machines, at the line of the project file")
  func otherMachine() async throws {
    let failure = try await check(ELFSample.executable(machine: 183).bytes)
    #expect(failure?.problem == Self.refused + "is for arm64, but the image is for x86-64")
    #expect(failure?.remedy == "build it for the image's device class, or choose another device class")
    var small = ELFSample.executable(machine: 3).bytes
    small[4] = 1
    #expect(try await check(small)?.problem == Self.refused + "is for 32-bit x86, but the image is for x86-64")
  }

  @Test("Other files are refused with their kind")
  func others() async throws {
    var library = ELFSample()
    library.type = 3
    library.entry = 0
    #expect(try await check(library.bytes)?.problem == Self.refused + "is a library, not an executable")
    #expect(try await check(Array("text".utf8))?.problem == Self.refused + "is neither an ELF executable nor a script")
    let script = Array("#!/bin/sh\n".utf8)
    let lacks = Self.refused + "is a script for /bin/sh, which is not in the image"
    #expect(try await check(script)?.problem == lacks)
    #expect(try await check(script, shell: .link("/etc/alternatives/sh"))?.problem == lacks)
    let damaged = try await check(Array(ELFSample.dynamic(needing: ["libc.so.6"]).bytes.prefix(90)))
    #expect(damaged?.problem.hasPrefix(Self.refused + "is damaged: ") == true)
  }
}
