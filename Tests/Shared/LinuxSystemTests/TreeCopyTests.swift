import Foundation
import Glibc
import LinuxSystem
import TestFixtures
import Testing

@Suite struct TreeCopyTests {
  @Test func aTreeIsCopiedWithModesTimesAndLinks() async throws {
    try await withTemporaryFolder { folder in
      let source = folder.appending(path: "source").path
      let target = folder.appending(path: "target").path
      try FileTree.makeFolders(source + "/inner", mode: 0o750)
      try FileTree.replace(source + "/inner/secret", with: Array("text".utf8), mode: 0o600)
      chmod(source + "/inner/secret", 0o2640)
      let times = [timespec(tv_sec: 1_000_000, tv_nsec: 0), timespec(tv_sec: 2_000_000, tv_nsec: 5)]
      utimensat(AT_FDCWD, source + "/inner/secret", times, 0)
      symlink("inner/secret", source + "/link")
      mkfifo(source + "/pipe", 0o600)

      try TreeCopy.copy(source, to: target)

      var status = stat()
      lstat(target + "/inner/secret", &status)
      #expect(status.st_mode & 0o7777 == 0o2640)
      #expect(status.st_mtim.tv_sec == 2_000_000)
      #expect(try FileTree.read(target + "/link") == Array("text".utf8))
      #expect(FileTree.names(in: target) == ["inner", "link"])
    }
  }

  @Test func whatIsThereIsNotReplaced() async throws {
    try await withTemporaryFolder { folder in
      let (source, target) = (folder.appending(path: "a").path, folder.appending(path: "b").path)
      try FileTree.replace(source, with: [1])
      try FileTree.replace(target, with: [2])
      #expect(throws: SystemError.self) { try TreeCopy.copy(source, to: target) }
      #expect(try FileTree.read(target) == [2])
    }
  }
}
