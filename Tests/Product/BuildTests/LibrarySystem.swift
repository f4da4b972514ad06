import Foundation
import TestFixtures
import Testing

/// A system of built-in layers, and questions to its finished root.
///
/// They are asked by a step that comes after the image and sees what went into it, secrets included.
struct LibrarySystem {
  /// Where the layers are found: in the checkout that the tests were built from.
  static let environment: [String: String?] = [
    "CULTIVAR_LAYERS": Checkout.layers.path
  ]

  private var questions: [Question] = []

  private struct Question {
    var script: String
    var judge: (String) -> Void
  }

  /// Adds a question: what a shell script in the root must write to standard output.
  mutating func expect(_ script: String, _ answer: String, location: SourceLocation = #_sourceLocation) {
    questions.append(Question(script: script) { #expect($0 == answer, "\(script)", sourceLocation: location) })
  }

  /// Adds the questions that every system must answer.
  ///
  /// - Parameter changed: Configuration files of packages that layers replace.
  mutating func expectSound(changedConfiguration changed: [String] = [], location: SourceLocation = #_sourceLocation) {
    expect("dpkg --audit", "", location: location)
    expect("dpkg --verify", changed.map { "??5?????? c \($0)\n" }.joined(), location: location)
    expect(
      """
      systemd-analyze verify --man=no --recursive-errors=no default.target \
        $(systemctl list-unit-files --state=enabled --plain --no-legend | cut -d ' ' -f 1 | grep -v @) 2>&1
      """, "", location: location)
    // A user or group that went missing, or never was.
    expect("find / -xdev \\( -nouser -o -nogroup \\)", "", location: location)
    expect("find / -xdev -name 'ssh_host_*'", "", location: location)
    expect("find / -xdev ! -path '/dev/*' -perm -002 ! -type l ! -perm -1000", "", location: location)
  }

  /// Adds the question whether systemd starts units.
  mutating func expectEnabled(_ units: String..., location: SourceLocation = #_sourceLocation) {
    for unit in units { expect("systemctl is-enabled \(unit)", "enabled\n", location: location) }
  }

  /// Adds the question whether systemd leaves units alone.
  mutating func expectDisabled(_ units: String..., location: SourceLocation = #_sourceLocation) {
    for unit in units { expect("systemctl is-enabled \(unit)", "disabled\n", location: location) }
  }

  /// Builds a system and asks it.
  ///
  /// - Parameters:
  ///   - image: Lines of the image.
  ///   - suite: Suite of Debian, or whatever else a base can be.
  ///   - kernel: Package of the kernel; `nil` to name none.
  ///   - prepare: Puts further files into the project's folder.
  ///   - inspect: Looks at the project's folder when the image is built.
  ///   - secrets: Environment of the build; its values must not be in what is kept or said.
  ///   - ask: Adds questions.
  static func judged(
    _ image: String, suite: String, kernel: String? = "linux-image-cloud-amd64", secrets: [String: String] = [:],
    prepare: (URL) throws -> Void = { _ in },
    inspect: (URL) throws -> Void = { _ in },
    ask: (inout LibrarySystem) -> Void
  ) async throws {
    var system = LibrarySystem()
    ask(&system)
    try await withTemporaryFolder { folder in
      try write(
        image + "\nsteps:\n  judge: { phase: image, script: ./judge }", suite: suite, kernel: kernel, to: folder)
      try prepare(folder)
      try folder.writing(system.script, to: "judge", mode: 0o755)
      var environment = environment
      for (name, value) in secrets { environment[name] = value }
      let verdict = try Workshop.run(["build"], in: folder, environment: environment)
      try #require(verdict.status == 0, "\(verdict.errors)")
      let artefacts = folder.appending(path: "build/box")
      for (number, question) in system.questions.enumerated() {
        question.judge(try artefacts.text("answer-\(number)"))
      }
      let manifest = try artefacts.text("manifest.json")
      for secret in secrets.values {
        #expect(!(verdict.output + verdict.errors + manifest).contains(secret))
      }
      try inspect(folder)
    }
  }

  /// Writes the project.
  static func write(
    _ image: String, suite: String = "trixie", kernel: String? = "linux-image-cloud-amd64", to folder: URL
  ) throws {
    var head = """
      cultivar: 1
      name: library
      version: 1.0.0
      images:
        box:
          device: generic-x86_64
          base: \(suite)
          layout: { use: appliance-ab, slot: 2G }
      """
    if let kernel { head += "\n    kernel: { package: \(kernel) }" }
    let rows = image.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
    try folder.writing(([head] + rows).joined(separator: "\n") + "\n", to: "cultivar.yaml")
  }

  /// Asks one question after the other, in the folder of the artefacts. The root is a view: what is written to it is dropped.
  private var script: String {
    var lines = [
      "#!/bin/sh -u", "root=$CULTIVAR_ROOT", "mount -t proc proc \"$root/proc\"",
      // A single node, never the folder.
      ": > \"$root/dev/null\"", "mount --bind /dev/null \"$root/dev/null\"",
    ]
    for (number, question) in questions.enumerated() {
      lines += [
        "chroot \"$root\" /bin/sh -u > answer-\(number) <<'END-OF-QUESTION'", question.script, "END-OF-QUESTION",
      ]
    }
    return (lines + ["exit 0"]).joined(separator: "\n") + "\n"
  }
}
