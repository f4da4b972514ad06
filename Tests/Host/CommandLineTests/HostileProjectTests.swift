import Foundation
import LinuxSystem
import TestFixtures
import Testing

@Suite("Projects with invalid files", .timeLimit(.minutes(10)))
struct HostileProjectTests {
  private static let project = """
    cultivar: 1
    name: test
    images:
      box: { device: generic-x86_64, layout: system-single, layers: [./layers/one] }

    """
  private static let layer = """
    cultivar: 1
    description: A layer
    variables:
      keys: { type: list, description: Keys, pattern: '[^\\n]*ssh-[^\\s]+ [A-Za-z0-9+/=]+', default: [] }
    users: { me: { authorizedKeys: ["${keys}"] } }

    """

  private func pipe(_ path: String, in folder: URL) throws {
    let file = folder.appending(path: path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try #require(mkfifo(file.path, 0o644) == 0)
  }

  @Test("A pipe in the files of a layer or an appliance is refused without being read")
  func pipes() throws {
    try withTemporaryFolder { folder in
      try folder.writing(Self.project, to: "cultivar.yaml")
      try folder.writing(Self.layer, to: "layers/one/layer.yaml")
      try pipe("layers/one/files/etc/pipe", in: folder)
      let system = try Cultivar.run(["check"], in: folder)
      try folder.writing(
        """
        cultivar: 1
        name: test
        images:
          box:
            device: generic-x86_64
            layout: appliance-ab
            programs: [{ executable: /bin/true }]
            files: [{ path: /etc/pipe, source: ./layers/one/files/etc/pipe }]
        """, to: "cultivar.yaml")
      let appliance = try Cultivar.run(["check"], in: folder)

      #expect(system.status == 1)
      #expect(system.errors.contains("files/etc/pipe is a pipe, socket or device"), "\(system.errors)")
      #expect(appliance.status == 1)
      #expect(appliance.errors.contains("'./layers/one/files/etc/pipe' is a pipe, socket or device"))
    }
  }

  @Test("A capability on a file of a layer is refused; access lists and attributes of the folder are reported")
  func attributes() throws {
    try withTemporaryFolder { folder in
      try folder.writing(Self.project, to: "cultivar.yaml")
      try folder.writing(Self.layer, to: "layers/one/layer.yaml")
      let capable = try folder.writing("x", to: "layers/one/files/usr/bin/capable", mode: 0o755)
      try ExtendedAttributes.set(
        "security.capability", of: capable.path, to: [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14))
      let refused = try Cultivar.run(["check"], in: folder)
      try ExtendedAttributes.remove("security.capability", of: capable.path)
      try ExtendedAttributes.set("user.colour", of: capable.path, to: [1])
      let warned = try Cultivar.run(["check"], in: folder)

      #expect(refused.status == 1)
      #expect(
        refused.errors.contains("capable has a capability, which is not copied into the image"), "\(refused.errors)")
      #expect(warned.status == 0)
      #expect(warned.errors.contains("capable has the attribute user.colour, which is not copied"), "\(warned.errors)")
    }
  }

  @Test("Extended attributes of an appliance's files are refused or reported with their paths")
  func attributesOfAppliance() throws {
    try withTemporaryFolder { folder in
      try folder.writing(
        """
        cultivar: 1
        name: t
        images:
          box:
            device: generic-x86_64
            layout: appliance-ab
            programs: [{ executable: ./tool, files: [{ source: ./conf, path: /etc/conf }] }]
        """, to: "cultivar.yaml")
      let tool = try folder.writing("x", to: "tool", mode: 0o755)
      let deep = try folder.writing("x", to: "conf/deeper/file")
      try ExtendedAttributes.set("user.colour", of: deep.path, to: [1])
      let warned = try Cultivar.run(["check"], in: folder)
      for file in [tool, deep] {
        try ExtendedAttributes.set(
          "security.capability", of: file.path, to: [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14))
      }
      let refused = try Cultivar.run(["check"], in: folder)

      #expect(warned.status == 0, "\(warned.errors)")
      #expect(
        warned.errors.contains(
          "cultivar.yaml:7:56: warning: \(deep.path) has the attribute user.colour, which is not copied"),
        "\(warned.errors)")
      #expect(refused.status == 1)
      #expect(refused.errors.contains("cultivar.yaml:7:30: error: \(tool.path) has a capability"), "\(refused.errors)")
      #expect(refused.errors.contains("cultivar.yaml:7:56: error: \(deep.path) has a capability"), "\(refused.errors)")
      #expect(refused.errors.contains("`capabilities`"), "\(refused.errors)")
    }
  }

  @Test("A private key in place of a public one is reported as such, and its content is not shown")
  func privateKey() throws {
    try withTemporaryFolder { folder in
      try Judge("ssh-keygen").run(["-q", "-t", "ed25519", "-N", "", "-f", "id"], in: folder)
      let lines = try folder.text("id").split(separator: "\n").map(String.init)
      try folder.writing(Self.layer, to: "layers/one/layer.yaml")
      func said(_ variables: String, _ arguments: String...) throws -> String {
        try folder.writing(
          Self.project.replacing("[./layers/one]", with: "[./layers/one]\(variables)"), to: "cultivar.yaml")
        let outcome = try Cultivar.run(["plan"] + arguments, in: folder)
        #expect(outcome.status == 1)
        return outcome.output + outcome.errors
      }
      let inline = lines.map { "\"\($0)\"" }.joined(separator: ", ")
      let words = try [
        said(", variables: { one.keys: !file id }"), said(", variables: { one.keys: [\(inline)] }"),
        said("", "--set", "one.keys=!file id"),
        said(", users: { you: { authorizedKeys: [\"\(lines.joined(separator: "\\n"))\"] } }"),
      ]

      for text in words {
        #expect(text.contains("is a private key"), "\(text)")
        for line in lines.dropFirst().dropLast() { #expect(!text.contains(line)) }
      }
    }
  }

  @Test("A command that is blocked in the kernel ends on a signal", arguments: [SIGTERM, SIGINT])
  func signals(signal: Int32) throws {
    try withTemporaryFolder { folder in
      try pipe("pipe", in: folder)
      let process = Process()
      process.executableURL = BuiltTool.file
      process.arguments = ["bundle", "show", "pipe"]
      process.currentDirectoryURL = folder
      process.standardError = FileHandle.nullDevice
      try process.run()
      Thread.sleep(forTimeInterval: 1)
      #expect(process.isRunning)

      kill(process.processIdentifier, signal)
      // The second signal does not wait for the handling of the first.
      Thread.sleep(forTimeInterval: 0.5)
      kill(process.processIdentifier, signal)
      process.waitUntilExit()

      #expect(process.terminationStatus == 130)
    }
  }
}
