import Foundation
import Glibc
import LinuxSystem
import TestFixtures
import Testing

@testable import PackageInstallation

/// Tests with packages made by `dpkg-deb`, and dpkg as the judge of the database.
@Suite struct PackageUnpackingTests {
  private let place: TemporaryFolder
  private var tree: URL { URL(fileURLWithPath: "\(place.path)/tree") }

  init() throws {
    place = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: "\(place.path)/tree", withIntermediateDirectories: true)
  }

  /// A package of files and links; links have targets.
  private struct Sample {
    var name: String
    var files: [String: String] = [:]
    var links: [String: String] = [:]
    var control: [String: String] = [:]
    var hasSums = true
  }

  private func words(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let pipe = Foundation.Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  /// Makes archives, control folders, and the plan for them.
  private func plan(_ samples: [Sample], rules: [InstallationPlan.Rule] = []) throws -> InstallationPlan {
    var plan = InstallationPlan(architecture: "amd64", archives: "\(place.path)/archives", tree: tree.path)
    plan.rules = rules
    for sample in samples {
      let folder = URL(fileURLWithPath: "\(place.path)/\(sample.name)")
      for (path, text) in sample.files { try folder.writing(text, to: path) }
      for (path, target) in sample.links {
        let link = folder.appending(path: path)
        try FileManager.default.createDirectory(at: link.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: target)
      }
      try folder.writing(
        "Package: \(sample.name)\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: sample\n",
        to: "DEBIAN/control")
      for (name, text) in sample.control { try folder.writing(text, to: "DEBIAN/\(name)") }
      if sample.hasSums { try folder.writing("", to: "DEBIAN/md5sums") }
      let archive = "\(place.path)/archives/\(sample.name).deb"
      try FileManager.default.createDirectory(atPath: "\(place.path)/archives", withIntermediateDirectories: true)
      #expect(try words("/usr/bin/dpkg-deb", ["--root-owner-group", "-Zgzip", "-b", folder.path, archive]).status == 0)
      let control = "\(place.path)/control/\(sample.name).deb"
      #expect(try words("/usr/bin/dpkg-deb", ["--control", archive, control].map { $0 }).status == 0)
      plan.packages.append(
        .init(
          name: sample.name, architecture: "all", isMultiArch: false, archive: "\(sample.name).deb", offset: 0, size: 0,
          isXZ: false))
    }
    return plan
  }

  private func unpack(_ samples: [Sample], rules: [InstallationPlan.Rule] = []) throws {
    try FileManager.default.createDirectory(atPath: "\(place.path)/control", withIntermediateDirectories: true)
    try PackageUnpacking(try plan(samples, rules: rules), control: "\(place.path)/control").run()
  }

  private func dpkg(_ arguments: String...) throws -> String {
    try words("/usr/bin/dpkg", ["--admindir=\(tree.path)/var/lib/dpkg"] + arguments).text
  }

  @Test func dpkgFindsThePackagesUnpacked() throws {
    try unpack([
      Sample(
        name: "one", files: ["usr/bin/one": "x", "etc/one.conf": "y"], links: ["usr/bin/uno": "one"],
        control: ["conffiles": "/etc/one.conf\n", "triggers": "interest-noawait /usr/share/one\n"]),
      Sample(name: "two", files: ["usr/share/one/two": "z"], hasSums: false),
    ])
    #expect(try dpkg("--status", "one").contains("Status: install ok unpacked"))
    #expect(try dpkg("--listfiles", "one").split(separator: "\n").map(String.init).contains("/usr/bin/uno"))
    #expect(try dpkg("--audit").contains("unpacked but not yet configured"))
    #expect(try dpkg("--search", "/usr/share/one/two") == "two: /usr/share/one/two\n")
    #expect(try String(contentsOf: tree.appending(path: "etc/one.conf.dpkg-new"), encoding: .utf8) == "y")
    let triggers = try String(contentsOf: tree.appending(path: "var/lib/dpkg/triggers/File"), encoding: .utf8)
    #expect(triggers == "/usr/share/one one/noawait\n")
    // The sum of one letter, as printed by md5sum.
    let sums = try String(contentsOf: tree.appending(path: "var/lib/dpkg/info/two.md5sums"), encoding: .utf8)
    #expect(sums == "fbade9e36a3f36d3d676c1b808451dd7  usr/share/one/two\n")
  }

  @Test func whatIsDpkgsIsLeftToDpkg() throws {
    let one = Sample(name: "one", files: ["usr/bin/same": "1"])
    #expect { try unpack([one, Sample(name: "two", files: ["usr/bin/same": "2"])]) } throws: {
      "\($0)" == "/usr/bin/same is in two packages"
    }
  }

  @Test(arguments: [
    ("var/lib/dpkg/diversions", "/usr/bin/same\n/usr/bin/same.real\nother\n", "/usr/bin/same is diverted"),
    ("var/lib/dpkg/statoverride", "root root 4755 /usr/bin/same\n", "the permissions of /usr/bin/same are overridden"),
    ("var/lib/dpkg/info/other.list", "/usr/bin/same\n", "/usr/bin/same is in two packages"),
    ("etc/same.conf", "mine", "the configuration file /etc/same.conf already exists"),
  ])
  func whatIsThereBeforeIsRespected(path: String, text: String, words: String) throws {
    try tree.writing(text, to: path)
    let sample = Sample(
      name: "one", files: ["usr/bin/same": "1", "etc/same.conf": "2"], control: ["conffiles": "/etc/same.conf\n"])
    #expect { try unpack([sample]) } throws: { "\($0)" == words }
  }

  @Test func linksOfTheTreeLeadNowhereElse() throws {
    let outside = "\(place.path)/outside"
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(at: tree.appending(path: "usr"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: tree.appending(path: "usr/bin").path, withDestinationPath: outside)
    #expect(throws: (any Error).self) { try unpack([Sample(name: "one", files: ["usr/bin/x": "1"])]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
  }

  @Test func pathsAreLeftOutByTheLastRuleThatMatches() throws {
    try unpack(
      [
        Sample(
          name: "one",
          files: ["usr/share/doc/one/copyright": "c", "usr/share/doc/one/news": "n", "usr/share/man/one": "m"])
      ],
      rules: [
        .init(pattern: "/usr/share/doc/*", isInclusion: false),
        .init(pattern: "/usr/share/doc/*/copyright", isInclusion: true),
        .init(pattern: "/usr/share/man*", isInclusion: false),
      ])
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: tree.appending(path: path).path) }
    #expect(exists("usr/share/doc/one/copyright") && !exists("usr/share/doc/one/news") && !exists("usr/share/man"))
    // dpkg also lists the files that it left out.
    #expect(try dpkg("--listfiles", "one").contains("/usr/share/doc/one/news"))
  }

  @Test func plansArriveAsTheyWereWritten() throws {
    var plan = InstallationPlan(architecture: "arm64", archives: "/a", tree: "/t")
    plan.rules = [.init(pattern: "/usr/*", isInclusion: true)]
    plan.mergedLinks = ["bin", "lib"]
    plan.decompressor = ["/xz", "-d"]
    plan.ahead = "/ahead"
    plan.packages = [
      .init(name: "n", architecture: "arm64", isMultiArch: true, archive: "a.deb", offset: 9, size: 10, isXZ: true)
    ]
    #expect(try InstallationPlan(plan.bytes) == plan)
    #expect(plan.packages[0].stem == "n:arm64")
    #expect(throws: (any Error).self) { try InstallationPlan(Array(plan.bytes.dropLast())) }
  }
}
