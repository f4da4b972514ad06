import Foundation
import PartitionTable
import RaspberryPi

/// Judges a disk of a Raspberry Pi after a power cut without starting it: the double of its firmware must find a boot
/// partition with a complete release, and the root file system of the same slot must have the same release.
public final class FirmwareJudge {
  /// A release and its images.
  public struct Release: Sendable {
    /// The name in messages.
    public var name: String
    /// The image of a slot's boot partition, as it is for slot A.
    public var boot: [UInt8]
    public var root: [UInt8]

    public init(name: String, boot: [UInt8], root: [UInt8]) {
      (self.name, self.boot, self.root) = (name, boot, root)
    }
  }

  /// The partitions of a slot.
  public struct Places: Sendable {
    var boot: Int
    var root: Int

    public init(boot: Int, root: Int) { (self.boot, self.root) = (boot, root) }
  }

  /// The reason why a disk cannot be started.
  public struct Problem: Error, CustomStringConvertible {
    public let description: String
  }

  private let releases: [Release]
  /// The boot images as they are in each slot, by slot, in the order of the releases.
  private var bootImages: [String: [[UInt8]]] = [:]
  /// Number of settled writes at which a place on the disk was found to have an image.
  private var compared: [Comparison: Int] = [:]

  private struct Comparison: Hashable {
    var release: Int
    var place: UInt64
  }
  private let firmware: FirmwareDouble
  private let places: [String: Places]

  /// - Parameters:
  ///   - releases: The releases that a slot may hold when it is started.
  ///   - places: The partitions by slot.
  public init(_ releases: [Release], _ firmware: FirmwareDouble, _ places: [String: Places]) {
    self.releases = releases
    self.firmware = firmware
    self.places = places
  }

  /// Returns the slot and the release that the next start would run, or the reason why no complete release would start.
  ///
  /// - Parameter restart: The end of the run before. A power cut sets no flag.
  public func verdict(on disk: CutDisk, after restart: Restart = .powerOn) -> Result<String, Problem> {
    func read(_ offset: UInt64, _ count: Int) -> [UInt8] {
      offset < disk.size ? disk.read(min(count, Int(disk.size - offset)), at: offset) : []
    }
    func refuse(_ reason: String) -> Result<String, Problem> { .failure(Problem(description: reason)) }
    do {
      let start = try firmware.start(BootMedium(size: disk.size, read), after: restart)
      let name = "cultivar.slot="
      guard let word = start.commandLine.split(separator: " ").first(where: { $0.hasPrefix(name) }) else {
        return refuse("the command line of partition \(start.partition) names no slot")
      }
      let slot = String(word.dropFirst(name.count))
      guard let place = places[slot], place.boot == start.partition else {
        return refuse("partition \(start.partition) names slot \(slot)")
      }
      let starts = try Self.partitions(size: disk.size, read)
      guard let boot = starts[place.boot], let root = starts[place.root] else {
        return refuse("a partition is missing")
      }
      let images = bootImages(of: slot)
      let index = releases.indices.first { index in
        has(images[index], of: index, disk, at: boot) && has(releases[index].root, of: index, disk, at: root)
      }
      guard let index else { return refuse("slot \(slot) is started, and holds no release") }
      return .success("\(slot) \(releases[index].name)")
    } catch {
      return refuse("\(error)")
    }
  }

  /// Returns the boot images as they are in a slot. They differ in one byte: the letter of the slot.
  private func bootImages(of slot: String) -> [[UInt8]] {
    if let images = bootImages[slot] { return images }
    let name = Array("cultivar.slot=".utf8)
    let images = releases.map { release in
      var image = release.boot
      if let place = image.firstRange(of: name + Array("a".utf8)) { image[place.upperBound - 1] = Array(slot.utf8)[0] }
      return image
    }
    bootImages[slot] = images
    return images
  }

  /// Returns true if a place on a disk has an image. A place that was compared before and not written to since is not
  /// compared again.
  private func has(_ image: [UInt8], of release: Int, _ disk: CutDisk, at place: UInt64) -> Bool {
    let comparison = Comparison(release: release, place: place)
    let range = place..<place + UInt64(image.count)
    if let last = compared[comparison], !disk.isTouched(range, since: last) {
      compared[comparison] = disk.settledCount
      return true
    }
    let step = 4 << 20
    for start in stride(from: 0, to: image.count, by: step) {
      let end = min(start + step, image.count)
      guard image[start..<end] == disk.read(end - start, at: place + UInt64(start))[...] else { return false }
    }
    if !disk.isTouchedByLoose(range) { compared[comparison] = disk.settledCount }
    return true
  }

  /// Offsets of all partitions, also logical ones, by number.
  private static func partitions(
    size: UInt64, _ read: (UInt64, Int) -> [UInt8]
  ) throws -> [Int: UInt64] {
    let record = MasterBootRecord { (lba: UInt64) throws(Never) -> [UInt8] in read(lba * 512, 512) }
    guard let record, record.partitions.contains(where: { $0.type == MasterBootRecord.protectiveType }) else {
      return Dictionary(
        (record?.partitions ?? []).map { ($0.number, $0.firstLBA * 512) }, uniquingKeysWith: { first, _ in first })
    }
    let table = try GPTReading(diskSizeInSectors: size / 512) { (lba: UInt64, count: Int) throws(Never) -> [UInt8] in
      read(lba * 512, count * 512)
    }.table()
    return Dictionary(
      table.partitions.map { ($0.number, $0.firstLBA * 512) }, uniquingKeysWith: { first, _ in first })
  }
}
