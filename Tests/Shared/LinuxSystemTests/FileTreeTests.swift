import Glibc
import LinuxSystem
import Testing
import TestFixtures

@Suite struct FileTreeTests {
  @Test func `a file is replaced whole, with its mode`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/file"
    try FileTree.replace(path, with: Array("old".utf8))
    try FileTree.replace(path, with: Array("new\n".utf8), mode: 0o600)
    #expect(FileTree.line(path) == "new")
    #expect(FileTree.names(in: folder.path) == ["file"])
  }

  @Test func `removing what is in a folder does not follow links out of it`() throws {
    let outside = try TemporaryFolder()
    let folder = try TemporaryFolder()
    try FileTree.replace(outside.path + "/canary", with: [])
    try FileTree.makeFolders(folder.path + "/a/b")
    symlink(outside.path, folder.path + "/a/link")
    FileTree.removeContents(of: folder.path)
    #expect(FileTree.names(in: folder.path).isEmpty)
    #expect(FileTree.exists(outside.path + "/canary"))
  }

  @Test func `an error says what could not be done, on what, and why`() {
    let error = #expect(throws: SystemError.self) { try FileTree.read("/no/such/file") }
    #expect(error?.description == "cannot open /no/such/file: No such file or directory")
  }
}
