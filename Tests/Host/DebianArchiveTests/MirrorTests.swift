import Testing

@testable import DebianArchive

@Suite("The choice of a mirror")
struct MirrorTests {
  private let oneLine = [
    "/etc/apt/sources.list": """
    # deb http://commented.example/debian trixie main
    deb-src http://source.example/debian trixie main
    deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://host.example/debian/ bookworm main contrib
    deb http://security.example/debian-security bookworm-security main
    deb http://second.example/debian bookworm main
    """
  ]

  private let deb822 = [
    "/etc/apt/sources.list.d/debian.sources": """
    Types: deb deb-src
    URIs: http://off.example/debian
    Suites: trixie
    Components: main
    Enabled: no

    # A comment
    Types: deb
    URIs: https://new.example/debian
    Suites: trixie trixie-updates
    Components: main
      non-free-firmware
    Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

    Types: deb
    URIs: https://new.example/security/
    Suites: trixie-security
    Components: main
    """
  ]

  private func choose(
    project: (String?, String?) = (nil, nil), _ environment: [String: String] = [:], _ files: [String: String] = [:]
  ) -> Mirror {
    Mirror.choose(project: project, environment: environment, aptSources: files)
  }

  @Test(
    "A password in a mirror's URL appears in no program's arguments and in no message")
  func password() throws {
    let sources = ["/etc/apt/sources.list": "deb https://me:s3cret@host.example/debian trixie main"]
    for mirror in [
      choose([:], sources), choose(["CULTIVAR_DEBIAN_MIRROR": "https://me:s3cret@host.example/debian"]),
      choose(["CULTIVAR_DEBIAN_SECURITY_MIRROR": "http://s3cret@host.example/debian-security"]),
    ] {
      let failure = try #require(throws: ArchiveFailure.self) { try mirror.refuseCredentials() }
      #expect(failure.problem == "the URL of the mirror host.example contains a user name or password")
      #expect(!failure.description.contains("s3cret"))
      #expect(failure.remedy?.contains("/etc/apt/auth.conf.d") == true)
    }
    try choose().refuseCredentials()
  }

  @Test("Both forms of the build host's sources are read, without the trailing slash")
  func host() {
    #expect(
      choose([:], oneLine)
        == Mirror(main: "http://host.example/debian", security: "http://security.example/debian-security"))
    #expect(choose([:], deb822) == Mirror(main: "https://new.example/debian", security: "https://new.example/security"))
  }

  @Test("Precedence: the project, the environment, the host, the official archive")
  func precedence() {
    let environment = ["CULTIVAR_DEBIAN_MIRROR": "http://env.example/debian"]
    #expect(choose(project: ("http://project.example/d", nil), environment, oneLine).main == "http://project.example/d")
    #expect(choose(environment, oneLine).main == "http://env.example/debian")
    #expect(choose(environment, oneLine).security == "http://env.example/debian-security")
    #expect(choose() == .official)
    #expect(choose(["CULTIVAR_DEBIAN_MIRROR": ""]) == .official)
  }

  @Test(
    "A mirror implies its own security archive, except for Debian's mirrors that have none",
    arguments: [
      ("http://mirror.example.org/debian", "http://mirror.example.org/debian-security"),
      (
        "http://a.example/archive/debian/20250101T000000Z/", "http://a.example/archive/debian-security/20250101T000000Z"
      ),
      ("http://ftp.de.debian.org/debian", "http://security.debian.org/debian-security"),
      ("http://a.example/packages", "http://security.example/debian-security"),
    ])
  func security(main: String, security: String) {
    #expect(choose(project: (main, nil), [:], oneLine).security == security)
    #expect(choose(["CULTIVAR_DEBIAN_MIRROR": main], oneLine).security == security)
    #expect(choose(project: (main, "http://own.example/s"), [:], oneLine).security == "http://own.example/s")
  }

  @Test(
    "Sources of derivatives, with URLs other than HTTP, or without the main component are ignored",
    arguments: [
      "deb http://archive.example/ubuntu noble main", "deb file:/srv/debian trixie main",
      "deb http://a.example/debian trixie contrib", "deb http://a.example/debian",
      "deb [ arch=amd64 http://a.example x",
      "deb cdrom:[Debian]/ trixie main",
    ])
  func others(line: String) {
    #expect(choose([:], ["/etc/apt/sources.list": line]) == .official)
  }
}

@Suite("Debian control data")
struct ControlFileTests {
  @Test("Paragraphs, comments, continuation lines and empty values are read")
  func paragraphs() {
    let text = """

      Package: a
      Depends: b (>= 1),
       c
      # comment
      Empty:
      not a field
      \t\u{20}
      Package: b
      Homepage: https://example.org/
      """
    #expect(
      ControlFile.paragraphs(text) == [
        ["Package": "a", "Depends": "b (>= 1),\nc", "Empty": ""],
        ["Package": "b", "Homepage": "https://example.org/"],
      ])
  }

  @Test("The date of an index is read")
  func date() {
    #expect(ArchiveDate.seconds("Sat, 09 Aug 2025 09:33:11 UTC") == 1_754_731_991)
    #expect(ArchiveDate.seconds("yesterday") == nil)
  }
}
