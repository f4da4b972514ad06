import ArgumentParser
import DebianArchive
import Emulator
import FoundationEssentials
import Glibc
import HostSystem
import Sandbox

/// `cultivar doctor`: checks that this machine has everything that Cultivar needs.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check that this machine can build and run images.",
    discussion: """
      Shows the programs that Cultivar starts, with their versions, and everything else that it needs on this machine. \
      The last lines have the commands that install missing packages. The exit status is 1 if this machine cannot \
      build images.
      """)

  @Flag(help: "Write the findings as JSON to standard output.")
  var json = false

  func run() async throws {
    try await CommandErrors.shown {
      let findings = await HostExamination(environment: ProcessInfo.processInfo.environment).run()
      if json {
        try ReadableJSON.print(findings)
      } else {
        print(text(findings))
      }
      if findings.contains(where: { $0.state == .missing && $0.isNeeded }) { throw ExitCode.failure }
    }
  }

  private func text(_ findings: [HostFinding]) -> String {
    let rows = findings.map { finding in
      let mark = finding.state == .present ? "ok" : finding.isNeeded ? "MISSING" : "missing"
      return [mark, finding.name, finding.detail, "to \(finding.purpose)"]
    }
    let missing = findings.filter { $0.state == .missing }
    func installation(_ isNeeded: Bool) -> String? {
      let packages = Set(missing.filter { $0.isNeeded == isNeeded }.compactMap(\.package)).sorted()
      return packages.isEmpty ? nil : MissingPrograms.installation(of: packages)
    }
    var lines = [TextTable.text(rows)]
    lines += missing.filter { $0.package == nil }.compactMap(\.remedy)
    if let all = installation(false) { lines.append("to install optional packages: \(all)") }
    if let needed = installation(true) { lines.append("to install needed packages:   \(needed)") }
    if missing.isEmpty { lines.append("nothing is missing") }
    return lines.joined(separator: "\n")
  }
}

/// A requirement of Cultivar on the build host, with its state.
struct HostFinding: Encodable, Sendable {
  /// The result of the check.
  enum State: String, Encodable, Sendable {
    case present, missing
  }

  /// Name of the program or property.
  var name: String
  var state: State
  /// Version, path, size, or the reason why it is missing.
  var detail: String
  /// The purpose of the requirement, as the end of a sentence.
  var purpose: String
  /// Debian package that provides it.
  var package: String?
  /// A remedy other than the installation of a package.
  var remedy: String?
  /// True if no image can be built without it.
  var isNeeded: Bool
}

/// Checks the build host without changing it.
struct HostExamination {
  let environment: [String: String]

  func run() async -> [HostFinding] {
    var findings: [HostFinding] = []
    for program in HostProgram.all { findings.append(await examine(program)) }
    findings.append(await sandbox())
    findings.append(emulation())
    findings += firmware()
    findings.append(keyring())
    findings.append(await mirror())
    findings.append(space())
    return findings
  }

  private func examine(_ program: HostProgram) async -> HostFinding {
    var finding = HostFinding(
      name: program.name, state: .missing, detail: "", purpose: program.purpose, package: program.package,
      remedy: program.package == nil ? MissingPrograms([program]).remedy : nil, isNeeded: program.use == .build)
    guard let path = program.path else { return finding }
    finding.state = .present
    finding.detail = await version(of: program) ?? path
    return finding
  }

  /// Returns the first version number in a program's output.
  private func version(of program: HostProgram) async -> String? {
    let arguments = [HostProgram.openSSL, .go].contains(program) ? ["version"] : ["--version"]
    // These programs have no version option and would do their work instead.
    guard ![HostProgram.newUIDMap, .newGIDMap, .shell].contains(program),
      let said = try? await HostCommand(program, arguments, to: "ask for its version").run()
    else { return nil }
    let words = said.split(whereSeparator: { " \n(),".contains($0) })
    return words.first { $0.contains(".") && ($0.first?.isNumber == true || $0.hasPrefix("go1")) }.map(String.init)
  }

  private func sandbox() async -> HostFinding {
    var finding = HostFinding(
      name: "sandbox", state: .present, detail: geteuid() == 0 ? "as root" : "with subordinate ids",
      purpose: "build systems", isNeeded: false)
    do {
      // The check uses the cache's file system, as not every file system supports overlays.
      let scratch = cachePlace.appending(path: ".cultivar-doctor-\(UUID().uuidString)")
      try FolderTree.create(scratch.path)
      defer { Sandbox.remove(scratch) }
      try await Sandbox(scratch: scratch).run(
        "exit 0", root: .view(lower: []), place: .beside, to: "make a sandbox")
    } catch let error as any ExplainedError {
      finding.state = .missing
      finding.detail = "not possible"
      finding.remedy = [error.problem, error.remedy].compactMap(\.self).joined(separator: "\n  ")
    } catch {
      finding.state = .missing
      finding.detail = "\(error)"
    }
    return finding
  }

  private func emulation() -> HostFinding {
    let other: Sandbox.Emulation.Target = Architecture.host == .amd64 ? .arm64 : .amd64
    let isPossible = Sandbox.Emulation.isPossible(for: other)
    return HostFinding(
      name: "binfmt_misc", state: isPossible ? .present : .missing,
      detail: isPossible ? "for \(other.rawValue)" : "Linux is older than 6.7, and no emulator is registered",
      purpose: "build systems for the other architecture", package: isPossible ? nil : "qemu-user-static",
      isNeeded: false)
  }

  private func firmware() -> [HostFinding] {
    [
      (VirtualMachine.Firmware.uefi, Architecture.amd64, "ovmf"), (.uefi, .arm64, "qemu-efi-aarch64"),
      (.uBoot, .arm64, "u-boot-qemu"),
    ].map { firmware, architecture, package in
      let file = VirtualMachine.file(of: firmware, for: architecture)
      return HostFinding(
        name: "\(firmware.title) for \(architecture.rawValue)", state: file == nil ? .missing : .present,
        detail: file ?? "", purpose: "run images that use this firmware", package: package, isNeeded: false)
    }
  }

  private func keyring() -> HostFinding {
    let file = DebianArchive.keyring
    let isThere = access(file, R_OK) == 0
    return HostFinding(
      name: "keyring", state: isThere ? .present : .missing, detail: file, purpose: "check Debian's signatures",
      package: "debian-archive-keyring", isNeeded: true)
  }

  private func mirror() async -> HostFinding {
    let mirror = Mirror.choose(project: (nil, nil), environment: environment, aptSources: Mirror.hostAptSources())
    let url = "\(mirror.main)/dists/\(ToolTree.suite)/InRelease"
    let file = FileManager.default.temporaryDirectory.appending(path: "cultivar-doctor-\(UUID().uuidString)").path
    defer { unlink(file) }
    let isReached =
      (try? await HostCommand(
        .aptHelper,
        ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10", "-q", "download-file", url, file],
        to: "reach the mirror"
      ).run()) != nil
    return HostFinding(
      name: "mirror", state: isReached ? .present : .missing, detail: mirror.main, purpose: "fetch Debian's packages",
      remedy:
        "cannot reach the mirror \(mirror.main): check the network, or set another mirror in CULTIVAR_DEBIAN_MIRROR",
      isNeeded: true)
  }

  /// The folder of the cache, or its nearest parent that exists.
  private var cachePlace: URL {
    var place = Cache.defaultFolder(environment: environment)
    while access(place.path, F_OK) != 0, place.path != "/" { place.deleteLastPathComponent() }
    return place
  }

  private func space() -> HostFinding {
    let folder = Cache.defaultFolder(environment: environment)
    var status = statvfs()
    let free = statvfs(cachePlace.path, &status) == 0 ? UInt64(status.f_bavail) * UInt64(status.f_frsize) : 0
    let isEnough = free >= 4 << 30
    return HostFinding(
      name: "space", state: isEnough ? .present : .missing, detail: "\(free >> 30) GiB free for \(folder.path)",
      purpose: "keep results of builds",
      remedy: "\(folder.path) has less than 4 GiB free: free some space, or set another folder in CULTIVAR_CACHE",
      isNeeded: false)
  }
}
