import Hashing
import LinuxSystem

/// The recorded progress of an installation, so that it can continue after a power cut.
///
/// Two records of 512 bytes are written alternately, each with an increasing number and its own digest. A power cut
/// during a write leaves the other record intact. A record is written only after the bytes before its place are on the
/// disk, so it never promises too much.
public final class InstallJournal {
  /// A place in a bundle. Everything before it is in the slot.
  public struct Place: Equatable, Sendable {
    /// Number of the image in the bundle.
    public var image: Int
    /// Number of the segment in the image.
    public var segment: Int

    public init(image: Int, segment: Int) {
      self.image = image
      self.segment = segment
    }
  }

  private static let length = 512
  private static let magic: [UInt8] = Array("CVJOURN1".utf8)
  private let storage: any BlockStorage
  private var turn: UInt64 = 0
  private var last: (bundle: Digest, place: Place)?

  /// Reads a journal.
  ///
  /// - Parameter storage: Storage of at least 1024 bytes. Invalid content is treated as an empty journal.
  /// - Throws: Errors of reading.
  public init(_ storage: any BlockStorage) throws {
    self.storage = storage
    for index in 0..<2 {
      let bytes = try storage.read(Self.length, at: UInt64(index * Self.length))
      guard let (number, bundle, place) = Self.read(bytes), number >= turn else { continue }
      turn = number
      last = (bundle, place)
    }
  }

  /// The place at which the installation of a bundle continues; `nil` if the journal is not about this bundle.
  ///
  /// - Parameter bundle: ``SignedBundle/identity``.
  public func place(in bundle: Digest) -> Place? { last.flatMap { $0.bundle == bundle ? $0.place : nil } }

  /// Records a place, and waits until it is on the disk.
  ///
  /// - Throws: Errors of writing.
  public func note(_ place: Place, in bundle: Digest) throws {
    turn += 1
    var bytes = Self.magic
    withUnsafeBytes(of: turn.littleEndian) { bytes.append(contentsOf: $0) }
    bytes += bundle.bytes
    for number in [place.image, place.segment] {
      withUnsafeBytes(of: UInt64(number).littleEndian) { bytes.append(contentsOf: $0) }
    }
    bytes += Digest(of: bytes).bytes
    bytes += [UInt8](repeating: 0, count: Self.length - bytes.count)
    try storage.write(bytes, at: turn % 2 * UInt64(Self.length))
    try storage.synchronise()
    last = (bundle, place)
  }

  private static func read(_ bytes: [UInt8]) -> (UInt64, Digest, Place)? {
    let signed = bytes.prefix(64)
    guard bytes.starts(with: magic), Digest(of: signed) == Digest(bytes[64..<96]) else { return nil }
    func number(_ offset: Int) -> UInt64 {
      bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }
    guard let bundle = Digest(bytes[16..<48]), let image = Int(exactly: number(48)),
      let segment = Int(exactly: number(56))
    else { return nil }
    return (number(8), bundle, Place(image: image, segment: segment))
  }
}
