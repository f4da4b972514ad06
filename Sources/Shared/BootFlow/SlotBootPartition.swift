import DeviceModel
import FATFileSystem
import LinuxSystem

/// The boot partition of one slot under ``TrybootFlow``: a FAT file system with everything that the firmware loads for
/// the slot, down to the kernel command line.
///
/// It holds an image of a release, with two differences, each within one sector:
///
/// - While the slot is *sealed*, all bytes of the first sector are inverted. No firmware takes such a partition for a
///   file system. A slot is sealed from before the first write of an installation until all of it is on the disk.
/// - The kernel command line names the slot. The image has the one of slot A. For slot B, one letter changes.
///
/// ``SlotBootPartition/Image`` reads and writes the partition without these differences.
public struct SlotBootPartition {
  /// The file with the kernel command line, in the root folder.
  public static let commandLineFile = "cmdline.txt"
  /// Maximum length of the kernel command line: the arm64 kernel's limit.
  private static let commandLineLimit = 2048
  private static let sectorSize = BlockDevice.sectorSize

  /// The slot that the partition belongs to.
  public let slot: Slot
  /// The number of the partition, as the firmware counts.
  public let number: Int
  let storage: any SectorStorage

  public init(_ slot: Slot, number: Int, on storage: any SectorStorage) {
    (self.slot, self.number, self.storage) = (slot, number, storage)
  }

  // MARK: The seal

  /// A sector with all bits inverted.
  static func inverted(_ sector: [UInt8]) -> [UInt8] { sector.map { ~$0 } }

  private static func isBootSector(_ sector: [UInt8]) -> Bool {
    sector.count == sectorSize && sector[510] == 0x55 && sector[511] == 0xAA
  }

  /// Inverts the first sector, if it is that of a file system.
  func seal() throws {
    let sector = try storage.read(0, 1)
    if Self.isBootSector(sector) { try storage.replace(sector: 0, with: Self.inverted(sector)) }
  }

  /// Restores the first sector. The firmware can start the slot afterwards.
  ///
  /// - Throws: ``BootFlowFailure/notStartable(_:)`` if the partition holds no release.
  func unseal() throws {
    let sector = try storage.read(0, 1)
    if Self.isBootSector(sector) { return }
    guard Self.isBootSector(Self.inverted(sector)) else { throw BootFlowFailure.notStartable(slot) }
    try storage.replace(sector: 0, with: Self.inverted(sector))
  }

  /// True if the first sector is not that of a file system.
  var isSealed: Bool { get throws { !Self.isBootSector(try storage.read(0, 1)) } }

  // MARK: The command line

  /// The kernel command line, and the place of the letter of its slot.
  struct CommandLine: Equatable {
    var words: [String]
    /// The slot that it names.
    var slot: Slot
    /// Offset of the slot's letter in the partition in bytes.
    var offset: UInt64
  }

  /// Reads the kernel command line, also of a sealed partition; `nil` if there is none that names a slot.
  func commandLine() throws -> CommandLine? {
    let isSealed = try isSealed
    do {
      let files = try FATFileSystem(length: storage.sectorCount * UInt64(Self.sectorSize)) { offset, count in
        var bytes = try storage.bytes(at: offset, count)
        if isSealed, offset < Self.sectorSize {
          for place in 0..<min(bytes.count, Self.sectorSize - Int(offset)) { bytes[place] = ~bytes[place] }
        }
        return bytes
      }
      var found: CommandLine?
      try files.walk(intoFolders: false) { path, entry in
        guard path.lowercased() == Self.commandLineFile, !entry.isFolder, entry.size <= Self.commandLineLimit else {
          return
        }
        var (text, places) = ([UInt8](), [UInt64]())
        try files.forEachPlacedPiece(of: entry) { bytes, offset in
          text += bytes
          places += (0..<UInt64(bytes.count)).map { offset + $0 }
        }
        found = Self.parsed(text, places)
      }
      return found
    } catch is FATFileSystem.Failure {
      return nil
    }
  }

  private static func parsed(_ text: [UInt8], _ places: [UInt64]) -> CommandLine? {
    let line = text.prefix { $0 != UInt8(ascii: "\n") }
    let words = line.split(separator: UInt8(ascii: " "))
    let name = Array("\(KernelParameter.slot)=".utf8)
    let own = words.filter { $0.starts(with: name) }
    guard own.count == 1, let word = own.first, word.count == name.count + 1,
      let slot = Slot(rawValue: String(decoding: word.suffix(1), as: UTF8.self))
    else { return nil }
    return CommandLine(
      words: words.map { String(decoding: $0, as: UTF8.self) }, slot: slot, offset: places[word.endIndex - 1])
  }

  /// Changes the slot in the kernel command line: one sector.
  ///
  /// - Returns: False if there is no command line.
  @discardableResult func name(_ named: Slot) throws -> Bool {
    guard let line = try commandLine() else { return false }
    let size = UInt64(Self.sectorSize)
    var sector = try storage.read(line.offset / size, 1)
    sector[Int(line.offset % size)] = Array(named.rawValue.utf8)[0]
    try storage.replace(sector: line.offset / size, with: sector)
    return true
  }

  /// The boot entry in the partition; `nil` if the firmware cannot start the slot, or would start another one.
  func entry() throws -> BootEntry? {
    guard try !isSealed, let line = try commandLine(), line.slot == slot else { return nil }
    return BootEntry(
      slot: slot, title: "", version: "", arguments: line.words.filter { !Self.identifies($0) })
  }

  private static func identifies(_ word: String) -> Bool {
    [KernelParameter.slot, KernelParameter.loader, KernelParameter.bootPartition].contains {
      word.hasPrefix($0 + "=")
    }
  }
}

extension SlotBootPartition {
  /// The partition as an image of a release: the inverse of the differences in ``SlotBootPartition``.
  public struct Image {
    /// True if the first sector is inverted on the disk.
    private let isSealed: Bool
    /// Offset of the slot's letter, if it is not slot A's.
    private let letter: UInt64?

    /// Describes the partition as it is now: that of the running slot, which is not changed, or a sealed one, which is
    /// written.
    ///
    /// - Throws: Errors of the storage.
    public init(of partition: SlotBootPartition) throws {
      isSealed = try partition.isSealed
      letter = try isSealed ? nil : partition.commandLine().flatMap { $0.slot == .a ? nil : $0.offset }
    }

    /// Converts bytes of the disk to bytes of the image, and back.
    ///
    /// - Parameters:
    ///   - bytes: Bytes from an offset in the partition.
    ///   - offset: The offset in bytes.
    public func convert(_ bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) {
      if isSealed, offset < UInt64(sectorSize) {
        for place in 0..<min(bytes.count, sectorSize - Int(offset)) { bytes[place] = ~bytes[place] }
      }
      if let letter, letter >= offset, letter - offset < UInt64(bytes.count) {
        bytes[Int(letter - offset)] = Array(Slot.a.rawValue.utf8)[0]
      }
    }
  }
}
