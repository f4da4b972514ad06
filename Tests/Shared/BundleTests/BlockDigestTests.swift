import Bundle
import BundleMaking
import CBlockDigests
import Crypto
import Foundation
import Hashing
import TestFixtures
import Testing

@Suite("Digests of several blocks at a time")
struct BlockDigestTests {
  private typealias Hash = (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?) -> Int

  @Test("Each way to hash blocks gives the result of swift-crypto, and writes nothing else", arguments: [1, 2, 16])
  func same(size: Int) {
    let hash: Hash =
      switch size {
      case 1: cultivar_hash_blocks
      case 2: cultivar_hash_pairs
      default: cultivar_hash_sixteens
      }
    var random = SystemRandomNumberGenerator()
    for blocks in [0, 1, 2, 3, 15, 16, 17, 31, 33, 128] {
      // An offset of one byte, so that nothing is aligned.
      var content = [UInt8](repeating: 0, count: blocks * 4096 + 1)
      for place in stride(from: 0, to: content.count, by: 3) {
        content[place] = UInt8(truncatingIfNeeded: random.next())
      }
      var digests = [UInt8](repeating: 0xaa, count: (blocks + 1) * 32 + 1)
      let done = content.withUnsafeBufferPointer { content in
        digests.withUnsafeMutableBufferPointer { digests in
          hash(content.baseAddress?.advanced(by: 1), blocks, digests.baseAddress?.advanced(by: 1))
        }
      }
      #expect(done <= blocks && (done == 0 || done > blocks - size || size == 1))
      for block in 0..<done {
        let place = 1 + block * 4096
        let expected = Array(SHA256.hash(data: content[place..<place + 4096]))
        #expect(Array(digests[1 + block * 32..<33 + block * 32]) == expected)
      }
      #expect(digests[0] == 0xaa && digests[(1 + done * 32)...].allSatisfy { $0 == 0xaa })
    }
  }

  @Test("A segment's digest is that of its blocks' digests, for any length")
  func segments() {
    for count in [1, 4095, 4096, 4097, 17 * 4096, 100_000, 512 << 10] {
      let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      let leaves = stride(from: 0, to: count, by: 4096).flatMap { start in
        let block = content[start..<min(start + 4096, count)]
        return Array(SHA256.hash(data: block + [UInt8](repeating: 0, count: 4096 - block.count)))
      }
      let whole = leaves + [UInt8](repeating: 0, count: 4096 - leaves.count)
      #expect(HashTree.digest(ofSegment: content) == Digest(Array(SHA256.hash(data: whole))))
    }
  }

  @Test("The tree of a file is that of its bytes")
  func file() throws {
    let folder = try TemporaryFolder()
    let content = Sample.image(seed: 12)
    let file = URL(fileURLWithPath: folder.path).appending(path: "image")
    try Data(content).write(to: file)
    let expected = content.withUnsafeBytes { HashTree.root(of: $0) }
    for _ in 0..<3 { #expect(try HashTree.root(ofFile: file.path) == expected) }
  }
}
