import BootFlow
import Foundation
import TestFixtures
import Testing

@Suite("Exchange of files on FAT")
struct FATExchangeTests {
  /// Makes a file system with a boot loader and its successor, using standard tools.
  private func withFileSystem(_ body: (URL, (String) throws -> Judge.Verdict) throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let image = folder.appending(path: "fat")
      func shell(_ script: String) throws -> Judge.Verdict {
        try Judge("sh").run([
          "-e", "-c", "export MTOOLS_SKIP_CHECK=1; i='\(image.path)'; cd '\(folder.path)'; \(script)",
        ])
      }
      try folder.writing(String(repeating: "old ", count: 5000), to: "old")
      try folder.writing(String(repeating: "new!", count: 9000), to: "new")
      let made = try shell(
        """
        truncate -s 64M fat; mkfs.fat -F 32 fat >/dev/null
        mmd -i fat ::EFI ::EFI/BOOT; mcopy -i fat old ::EFI/BOOT/BOOTX64.EFI; mcopy -i fat new ::EFI/BOOT/NEW.EFI
        """)
      #expect(made.status == 0, "\(made.errors)")
      try body(image, shell)
    }
  }

  @Test("Both files exchange their content in a single sector write, and fsck finds no error")
  func exchange() async throws {
    try await withFileSystem { image, shell in
      let before = try Data(contentsOf: image)
      try FATExchange(image.path).exchange(in: ["EFI", "BOOT"], "BOOTX64.EFI", "NEW.EFI")
      let verdict = try shell(
        "mcopy -i fat ::EFI/BOOT/BOOTX64.EFI a; mcopy -i fat ::EFI/BOOT/NEW.EFI b; cmp a new; cmp b old; fsck.fat -n fat >&2"
      )
      #expect(verdict.status == 0, "\(verdict.errors)")
      let after = try Data(contentsOf: image)
      let changed = stride(from: 0, to: before.count, by: 512).filter { before[$0..<$0 + 512] != after[$0..<$0 + 512] }
      #expect(changed.count == 1)
    }
  }

  @Test("A missing file is an error, and nothing is written")
  func missing() async throws {
    try await withFileSystem { image, _ in
      let before = try Data(contentsOf: image)
      #expect(throws: FATExchange.Failure.self) {
        try FATExchange(image.path).exchange(in: ["EFI", "BOOT"], "BOOTX64.EFI", "OTHER.EFI")
      }
      #expect(throws: FATExchange.Failure.self) {
        try FATExchange(image.path).exchange(in: ["LOADER"], "A.EFI", "B.EFI")
      }
      #expect(try Data(contentsOf: image) == before)
      try Data(repeating: 0, count: 1 << 20).write(to: image)
      #expect(throws: FATExchange.Failure.self) { try FATExchange(image.path) }
    }
  }
}
