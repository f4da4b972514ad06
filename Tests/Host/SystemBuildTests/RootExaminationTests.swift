import DebianPackages
import Foundation
import Project
import TestFixtures
import Testing

@testable import SystemBuild

@Suite("Checking a complete root against the layers' claims")
struct RootExaminationTests {
  private let position = SourcePosition(file: URL(fileURLWithPath: "/project/layers/a/layer.yaml"), line: 7, column: 3)

  private func system(_ layer: (inout SystemLayer) -> Void) -> SystemDefinition {
    var made = SystemLayer(name: "a", origin: "./layers/a", position: position)
    layer(&made)
    return SystemDefinition(base: .debian(suite: "trixie"), layers: [made], variables: [])
  }

  @Test("systemd's messages about a unit are mapped to its file and line, and decide if the build fails")
  func units() async throws {
    try await withTemporaryFolder { folder in
      let unit = try folder.writing(
        "[Unit]\nDescriptn=x\n[Service]\nExecStart=/bin/nope --x\n[Instal]\n", to: "a.service")
      let wrong = system { layer in
        layer.files = [
          SystemFile(position: position, path: "/etc/systemd/system/a.service", content: .file(unit)),
          SystemFile(
            position: position, path: "/etc/systemd/system/b.service.d/c.conf", content: .text("[Service]\nA=b\n")),
        ]
        layer.units.enabled = [Located(value: "theirs.service", position: position)]
      }

      let problems = RootExamination(wrong, position: position).problems(
        """
        verify\t/etc/systemd/system/a.service:2: Unknown key 'Descriptn' in section [Unit], ignoring.
        verify\t/etc/systemd/system/a.service:5: Unknown section 'Instal'. Ignoring.
        verify\ta.service: Command /bin/nope is not executable: No such file or directory
        verify\tUnit a.service has a bad unit file setting.
        verify\t/etc/systemd/system/b.service.d/c.conf:2: Unknown key 'A' in section [Service], ignoring.
        verify\t/usr/lib/systemd/system/theirs.service:9: Unknown key 'Old' in section [Service], ignoring.
        verify\ttheirs.service: Command /bin/kill is not executable: No such file or directory
        verify\t/usr/lib/systemd/system/stranger.service:9: Unknown section 'X'. Ignoring.

        """)

      #expect(
        problems.map { "\($0.position.file.lastPathComponent):\($0.position.line) \($0.severity): \($0.message)" } == [
          "a.service:2 warning: Unknown key 'Descriptn' in section [Unit], ignoring",
          "a.service:5 error: Unknown section 'Instal'. Ignoring",
          "a.service:4 error: the unit 'a.service': Command /bin/nope is not executable: No such file or directory",
          "layer.yaml:7 warning: /etc/systemd/system/b.service.d/c.conf, line 2: Unknown key 'A' in section [Service], ignoring",
          "layer.yaml:7 warning: /usr/lib/systemd/system/theirs.service, line 9: Unknown key 'Old' in section [Service], ignoring",
          "layer.yaml:7 warning: the unit 'theirs.service': Command /bin/kill is not executable: No such file or directory",
        ])
    }
  }

  @Test("The account that a unit's files name last is asked for, at its line, and no number or specifier")
  func accounts() async throws {
    try await withTemporaryFolder { folder in
      let unit = try folder.writing(
        "[Service]\n# User=comment\nUser = nobdy\nGroup=7\nSupplementaryGroups=adm vidio\nExecStart=x \\\n  User=no\n",
        to: "a.service")
      let addition = try folder.writing("[Service]\nUser=last\n", to: "x.conf")
      func accounts(_ files: [URL]) -> [String] {
        UnitSettings.accounts(
          of: files.map {
            UnitSettings(SystemFile(position: position, path: "/etc/systemd/system/\($0)", content: .file($0)))
          }
        ).map { "\($0.key)=\($0.name) \($0.position.file.lastPathComponent):\($0.position.line)" }
      }

      #expect(
        accounts([unit]) == [
          "User=nobdy a.service:3", "SupplementaryGroups=adm a.service:5", "SupplementaryGroups=vidio a.service:5",
        ])
      #expect(accounts([unit, addition]).first == "User=last x.conf:2")
    }
  }

  @Test("A change of a unit waits only for layers that can bring the unit, and the last of them reports that none did")
  func lateUnits() {
    func layer(_ name: String, _ change: (inout SystemLayer) -> Void = { _ in }) -> SystemLayer {
      var layer = SystemLayer(name: name, origin: name, position: position)
      change(&layer)
      return layer
    }
    let layers = [
      layer("a") { $0.units.enabled = [Located(value: "x@1.service", position: position)] },
      layer("b") { $0.packages = [PackageWish(name: "x")] },
      layer("c"),
      layer("d") {
        $0.files = [SystemFile(position: position, path: "/etc/systemd/system/x@.service", content: .text(""))]
        $0.units.disabled = [Located(value: "x@1.service", position: position)]
      },
    ]

    let shares = LateUnits(layers).shares

    let change = LateUnits.Change(key: "enable", unit: "x@1.service")
    #expect(shares.map(\.mayWait) == [[change], [], [], []])
    #expect(shares.map { $0.retries.map(\.isLast) } == [[], [false], [], [true]])
  }

  @Test("A false claim is reported in plain words, with the nearest correct name")
  func claims() {
    let claims = [
      RootClaim(kind: .unit("ssh.servise.service", key: "enable"), position: position),
      RootClaim(kind: .unit("nginx.target", key: "enable"), position: position),
      RootClaim(kind: .group("sduo", ofUser: "me"), position: position),
      RootClaim(kind: .userNumber("made", 251), position: position),
      RootClaim(kind: .initProgram, position: position),
    ]

    let problems = claims.problems(
      "0\tcron.service\n1\tnginx.service\tnginx.socket\n2\tadm\tsudo\n3\tis\t250\n3\ttaken\tother\n4\nnoise\n99\n")

    #expect(
      problems.map(\.message) == [
        "no package or layer contains the unit 'ssh.servise.service', which 'enable' names",
        "no package or layer contains the unit 'nginx.target', which 'enable' names",
        "there is no group 'sduo' for the user 'me'",
        "the user 'made' already exists and has the number 250, not 251",
        "the user 'made' cannot have the number 251: the user 'other' has it",
        "the system has no init: no package or layer contains /usr/lib/systemd/systemd",
      ])
    #expect(problems[1].hint?.hasPrefix("did you mean 'nginx.service'?") == true)
    #expect(problems[2].hint?.hasPrefix("did you mean 'sudo'?") == true)
  }

  @Test("The line of a user is not shown, as it may contain a password")
  func hiddenLine() async throws {
    try await withTemporaryFolder { folder in
      let file = try folder.writing("users: { me: { password: hash, groups: [sduo] } }\n", to: "layer.yaml")
      let claims = [
        RootClaim(kind: .group("sduo", ofUser: "me"), position: SourcePosition(file: file, line: 1, column: 1)),
        RootClaim(kind: .unit("a.service", key: "enable"), position: SourcePosition(file: file, line: 1, column: 1)),
      ]

      let lines = claims.problems("0\n1\n").map(\.sourceLine)

      #expect(lines == ["", "users: { me: { password: hash, groups: [sduo] } }"])
    }
  }

  @Test(
    "The template of an instance",
    arguments: [("getty@tty1.service", "getty@.service"), ("a.service", nil), ("a@.service", nil)])
  func template(unit: String, template: String?) {
    #expect(unit.unitTemplate == template)
  }
}
