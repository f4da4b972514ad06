import Foundation
import TestFixtures
import Testing

/// A system of built-in layers, and questions about its finished root.
///
/// A step after the image asks the questions. It sees the image's content, including secrets.
struct LibrarySystem {
  /// Sets the folder of the layers: the checkout that the tests were built from.
  static let environment: [String: String?] = [
    "CULTIVAR_LAYERS": Checkout.layers.path
  ]

  private var questions: [Question] = []

  private struct Question {
    var script: String
    var judge: (String) -> Void
  }

  /// Adds a question: a shell script to run in the root, and its expected standard output.
  mutating func expect(_ script: String, _ answer: String, location: SourceLocation = #_sourceLocation) {
    questions.append(Question(script: script) { #expect($0 == answer, "\(script)", sourceLocation: location) })
  }

  /// Adds the questions for every system.
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
    // Files of missing users or groups.
    expect("find / -xdev \\( -nouser -o -nogroup \\)", "", location: location)
    expect("find / -xdev -name 'ssh_host_*'", "", location: location)
    expect("find / -xdev ! -path '/dev/*' -perm -002 ! -type l ! -perm -1000", "", location: location)
  }

  /// Expects that systemd starts units.
  mutating func expectEnabled(_ units: String..., location: SourceLocation = #_sourceLocation) {
    for unit in units { expect("systemctl is-enabled \(unit)", "enabled\n", location: location) }
  }

  /// Expects that systemd does not start units.
  mutating func expectDisabled(_ units: String..., location: SourceLocation = #_sourceLocation) {
    for unit in units { expect("systemctl is-enabled \(unit)", "disabled\n", location: location) }
  }

  /// Builds a system and asks the questions.
  ///
  /// - Parameters:
  ///   - image: Lines of the image.
  ///   - suite: The suite of Debian, or another value of `base`.
  ///   - kernel: The package of the kernel; `nil` for none.
  ///   - prepare: Adds files to the project's folder.
  ///   - inspect: Inspects the project's folder after the build.
  ///   - secrets: The environment of the build. Its values must not appear in stored files or output.
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

  /// A script that asks the questions one after the other, in the folder of the artefacts. The root is a view: writes
  /// to it are dropped.
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
