import LinuxSystem

/// How far an installation has come, for whoever goes on with it after a power cut.
///
/// Two records of 512 bytes are written in turn, each with a number that rises and a digest of its own: a cut while one is written leaves
/// the other. A record is written after what it tells of is on the disk, so it never says too much.
public final class InstallJournal {
  /// A place in a bundle: everything before it is in the slot.
  public struct Place: Equatable, Sendable {
    /// Which image of the bundle.
    public var image: Int
    /// Which of its segments.
    public var segment: Int

    /// Names a place.
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

  /// Opens a journal.
  ///
  /// - Parameter storage: At least 1024 bytes; what is no journal is an empty one.
  /// - Throws: What reading throws.
  public init(_ storage: any BlockStorage) throws {
    self.storage = storage
    for index in 0..<2 {
      let bytes = try storage.read(Self.length, at: UInt64(index * Self.length))
      guard let (number, bundle, place) = Self.read(bytes), number >= turn else { continue }
      turn = number
      last = (bundle, place)
    }
  }

  /// Where the installation of a bundle goes on; `nil` where there is none of it.
  ///
  /// - Parameter bundle: ``SignedBundle/identity``.
  public func place(in bundle: Digest) -> Place? { last.flatMap { $0.bundle == bundle ? $0.place : nil } }

  /// Notes a place, and waits until it is on the disk.
  ///
  /// - Throws: What writing throws.
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
    guard let image = Int(exactly: number(48)), let segment = Int(exactly: number(56)) else { return nil }
    return (number(8), Digest(bytes[16..<48]), Place(image: image, segment: segment))
  }
}
