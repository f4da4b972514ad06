import Glibc
import LinuxSystem
import TestFixtures
import Testing

@testable import PackageInstallation

@Suite struct TarReaderTests {
  /// Returns one header as written by GNU tar and dpkg.
  static func header(
    _ name: String, type: Character = "0", size: Int = 0, mode: Int = 0o644, link: String = ""
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      bytes.replaceSubrange(offset..<(offset + text.utf8.count), with: Array(text.utf8))
    }
    func octal(_ number: Int, _ width: Int) -> String {
      let digits = String(number, radix: 8)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    put(name, at: 0)
    put(octal(mode, 7), at: 100)
    put(octal(0, 7), at: 108)
    put(octal(0, 7), at: 116)
    put(octal(size, 11), at: 124)
    put(octal(1_700_000_000, 11), at: 136)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(link, at: 157)
    put("ustar  ", at: 257)
    let sum = bytes.reduce(0) { $0 + Int($1) }
    put(octal(sum, 6) + "\0 ", at: 148)
    return bytes
  }

  /// Returns a file with its content, padded to a block.
  static func file(_ name: String, _ text: String, mode: Int = 0o644) -> [UInt8] {
    let fill = (512 - text.utf8.count % 512) % 512
    return header(name, size: text.utf8.count, mode: mode) + Array(text.utf8) + [UInt8](repeating: 0, count: fill)
  }

  static let end = [UInt8](repeating: 0, count: 1024)

  private func entries(_ bytes: [UInt8]) throws -> [TarReader.Entry] {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/archive.tar"
    try Descriptor(opening: path, O_RDWR | O_CREAT).write(all: bytes)
    let source = try Descriptor(opening: path, O_RDONLY)
    var reader = TarReader(source.number, of: "sample")
    var entries: [TarReader.Entry] = []
    while let entry = try reader.next() { entries.append(entry) }
    return entries
  }

  @Test func pathsAreAsDpkgWritesThem() throws {
    let long = String(repeating: "long/", count: 40) + "name"
    let archive =
      Self.header("./", type: "5", mode: 0o755) + Self.header("./usr/", type: "5") + Self.file("./usr/a", "text")
      + Self.header("././@LongLink", type: "L", size: long.utf8.count + 1) + Array(long.utf8)
      + [UInt8](repeating: 0, count: 512 - long.utf8.count) + Self.header("./long", type: "2", link: "a") + Self.end
    let entries = try entries(archive)
    #expect(entries.map(\.path.text) == ["/.", "/usr", "/usr/a", "/" + long])
    #expect(entries.map(\.kind) == [.folder, .folder, .file(size: 4), .symbolicLink(to: Array("a".utf8))])
    #expect(entries[2].mode == 0o644 && entries[2].time == 1_700_000_000)
  }

  @Test(arguments: [
    ("../out", "leads out of the tree"), ("./a/../../out", "leads out of the tree"), ("./line\nbreak", "line break"),
  ])
  func namesThatLeadOutAreRefused(name: String, words: String) {
    #expect { try entries(Self.file(name, "x") + Self.end) } throws: { "\($0)".contains(words) }
  }

  @Test func whatPackagesMayNotHaveIsRefused() {
    #expect { try entries(Self.header("./x", type: "x", size: 0) + Self.end) } throws: {
      "\($0)".contains("packages may not have")
    }
    #expect { try entries(Self.header("./folder/", type: "5", size: 512) + Self.end) } throws: {
      "\($0)".contains("has contents for")
    }
    // A name of eight gigabytes.
    #expect { try entries(Self.header("././@LongLink", type: "L", size: 0o77777777777) + Self.end) } throws: {
      "\($0)".contains("has a name of")
    }
  }

  @Test func damagedArchivesAreRefused() {
    var other = Self.file("./a", "text")
    other[0] = UInt8(ascii: "x")
    #expect { try entries(other + Self.end) } throws: { "\($0)".contains("checksum of a header") }
    #expect { try entries(Array(Self.file("./a", "text").prefix(514))) } throws: {
      "\($0)".contains("ends within a file")
    }
    #expect { try entries(Array(Self.file("./a", "text").prefix(100))) } throws: {
      "\($0)".contains("ends within a header")
    }
    var digits = Self.header("./a")
    digits[124] = UInt8(ascii: "9")
    #expect { try entries(digits + Self.end) } throws: { _ in true }
  }
}
