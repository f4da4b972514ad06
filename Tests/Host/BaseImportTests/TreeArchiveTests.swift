import Foundation
import Glibc
import HostSystem
import Sandbox
import TestFixtures
import Testing

@testable import BaseImport

/// True if this user can make sandboxes.
private let canMount = (try? Sandbox(scratch: URL(fileURLWithPath: "/"))) != nil

@Suite("Untrusted archives", .enabled(if: canMount, "mounting needs root, or subordinate ids"))
struct TreeArchiveTests {
  /// A Python program that writes archives with members that no other program makes.
  private static let writer = """
    import io, sys, tarfile
    archive = tarfile.open(sys.argv[1], "w", format=tarfile.GNU_FORMAT)
    def add(name, kind=tarfile.REGTYPE, text=b"", link="", **fields):
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, len(text)
        for field, value in fields.items(): setattr(member, field, value)
        archive.addfile(member, io.BytesIO(text))
    LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
    # Headers that are wrong, and members that no library writes.
    def raw(name, kind, size, text=b"", count=None):
        member = tarfile.TarInfo(name)
        member.type, member.size = kind, size
        archive.fileobj.write(member.tobuf(tarfile.GNU_FORMAT if size >= 1 << 33 else tarfile.USTAR_FORMAT))
        archive.fileobj.write(text + bytes(-len(text) % 512))
    def pax(records):
        text = b""
        for key, value in records:
            rest = b" " + key + b"=" + value + b"\\n"
            length = len(rest)
            while len(str(length)) + len(rest) != length: length = len(str(length)) + len(rest)
            text += str(length).encode() + rest
        raw("pax", tarfile.XHDTYPE, len(text), text)
    add("etc", FOLDER, mode=0o755)
    add("etc/kept", text=b"kept", mode=0o644)
    exec(sys.argv[2].replace("OUTSIDE", sys.argv[3]))
    archive.close()
    """

  /// Unpacks an archive next to a canary, and passes on the result.
  ///
  /// - Parameter members: Lines of Python.
  private func unpack(_ members: String, _ body: (_ tree: URL, _ failure: CommandFailure?) throws -> Void) async throws
  {
    try await withTemporaryFolder { folder in
      defer { Sandbox.remove(folder.appending(path: "tree")) }
      let outside = try folder.writing("precious", to: "outside/file")
      let (archive, tree) = (folder.appending(path: "archive"), folder.appending(path: "tree"))
      try FolderTree.create(tree.path)
      try await HostCommand(
        file: "/usr/bin/python3",
        ["-c", Self.writer, archive.path, members, outside.deletingLastPathComponent().path], to: "write an archive"
      ).run()
      var failure: CommandFailure?
      do {
        try await TreeArchive(archive, sandbox: Sandbox(scratch: folder)).unpack(to: "", of: tree, purpose: "unpack")
      } catch let refusal as CommandFailure {
        failure = refusal
      }
      let outsideNames = try FolderTree.names(in: folder.appending(path: "outside").path)
      #expect(outsideNames == ["file"])
      #expect(try outside.deletingLastPathComponent().text("file") == "precious")
      let names = try FolderTree.names(in: folder.path)
      #expect(names == ["archive", "outside", "tree"])
      try body(tree, failure)
    }
  }

  /// Members that try to leave the tree.
  static let escapes = [
    "add('../escaped', text=b'x')", "add('etc/../../escaped', text=b'x')", "add('/escaped', text=b'x')",
    "add('OUTSIDE/file', text=b'x')", "add('../outside/file', text=b'x')", "add('..', FOLDER, mode=0o700)",
    "add('out', LINK, link='OUTSIDE'); add('out/file', text=b'x')",
    "add('out', LINK, link='/etc'); add('out/passwd', text=b'x')",
    "add('out', LINK, link='../../../../../../etc'); add('out/escaped', text=b'x')",
    "add('out', LINK, link='/etc'); add('out', FOLDER); add('out/escaped', text=b'x')",
    "add('a', LINK, link='..'); add('a/b', LINK, link='..'); add('a/b/escaped', text=b'x')",
    "add('copy', HARD, link='OUTSIDE/file')", "add('copy', HARD, link='/etc/passwd')",
    "add('copy', HARD, link='../../../../../etc/passwd')",
    "add('out', LINK, link='/etc/passwd'); add('copy', HARD, link='out'); add('copy', text=b'x')",
    "add('out', LINK, link='/'); add('copy', HARD, link='out/etc/passwd')",
    "pax([(b'path', b'../escaped')]); raw('a', tarfile.REGTYPE, 1, b'x')",
    "pax([(b'path', b'/etc/escaped')]); raw('a', tarfile.REGTYPE, 1, b'x')",
    "pax([(b'linkpath', b'/etc/passwd')]); raw('copy', HARD, 0)",
  ]

  @Test("No member is written outside the tree, and none brings a file of the host into it", arguments: escapes)
  func escape(members: String) async throws {
    let users = try FolderTree.readFile("/etc/passwd")
    try await unpack(members) { tree, _ in
      let usersAfter = try FolderTree.readFile("/etc/passwd")
      #expect(usersAfter == users)
      for path in ["/escaped", "/etc/escaped"] { #expect(access(path, F_OK) != 0) }
      let copy = tree.appending(path: "copy").path
      // A link in the tree is resolved within the tree.
      var status = stat()
      if lstat(copy, &status) == 0, status.st_mode & S_IFMT == S_IFREG, let bytes = try? FolderTree.readFile(copy),
        !bytes.isEmpty
      {
        #expect(bytes == Array("x".utf8))
      }
      let kept = try tree.text("etc/kept")
      #expect(kept == "kept")
    }
  }

  @Test("Device nodes are left out, and so are files that only a running system has")
  func devices() async throws {
    let members = """
      add('disk', tarfile.BLKTYPE, devmajor=8); add('etc/null', tarfile.CHRTYPE, devmajor=1, devminor=3)
      add('dev', FOLDER, mode=0o755); add('dev/file', text=b'x'); add('run/secret', text=b'x'); add('pipe', tarfile.FIFOTYPE)
      """
    try await unpack(members) { tree, failure in
      #expect(failure == nil)
      let names = try ["", "dev", "etc"].map { try FolderTree.names(in: tree.appending(path: $0).path) }
      #expect(names == [["dev", "etc", "pipe"], [], ["kept"]])
    }
  }

  /// Members whose stated size is larger than their content.
  static let sizes = [
    "raw('a', tarfile.REGTYPE, 1 << 62, b'x')", "raw('a', tarfile.REGTYPE, 1 << 40, b'x')",
    "raw('a', tarfile.XHDTYPE, 1 << 40, b'x')", "raw('a', tarfile.GNUTYPE_LONGNAME, 1 << 40, b'x')",
    "pax([(b'size', b'9223372036854775807')]); raw('a', tarfile.REGTYPE, 1, b'x')",
    "pax([(b'size', b'-1')]); raw('a', tarfile.REGTYPE, 1, b'x')",
    // A hole of a petabyte in one block.
    """
    pax([(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', b'holes'), (b'GNU.sparse.realsize', b'1125899906842624')])
    raw('a', tarfile.REGTYPE, 512, b'1\\n1125899906842624\\n0\\n')
    """,
    "pax([(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0')]); raw('a', tarfile.REGTYPE, 512, b'99999999999\\n' * 30)",
  ]

  @Test(
    "A wrong size is an error, and costs neither memory nor disk space", .timeLimit(.minutes(10)), arguments: sizes)
  func size(members: String) async throws {
    try await unpack(members) { tree, failure in
      #expect(failure != nil)
      var status = stat()
      for name in ["a", "holes"] where lstat(tree.appending(path: name).path, &status) == 0 {
        #expect(status.st_size <= TreeArchive.largestFile)
        #expect(status.st_blocks < 100)
      }
    }
  }

  @Test("An archive that is damaged anywhere does no harm", .timeLimit(.minutes(10)))
  func damage() async throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<25 {
      let places = (0..<4).map { _ in
        "(\(UInt32.random(in: 0..<8192, using: &random)), \(UInt8.random(in: 0...255, using: &random)))"
      }
      let members = """
        for number in range(6): add('etc/file-%d' % number, text=b'content' * 40)
        add('etc/link', LINK, link='kept'); add('etc/hard', HARD, link='etc/kept')
        import os, atexit
        def spoil():
            file = open(sys.argv[1], 'r+b')
            for place, byte in [\(places.joined(separator: ", "))]: file.seek(place); file.write(bytes([byte]))
        atexit.register(spoil)
        """
      try await unpack(members) { _, _ in }
    }
  }
}
