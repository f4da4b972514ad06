import Crypto
import Foundation
import PartitionTable
import TestFixtures

/// Judges a disk after a power cut without starting it. It must have a partition table, a boot loader that chooses a
/// slot, and in that slot a complete release, byte for byte.
public final class SlotJudge {
  /// A release and its images.
  public struct Release: Sendable {
    /// The name in messages.
    public var name: String
    /// Content of `root`, `kernel` and `initrd`.
    public var images: [String: [UInt8]]

    public init(name: String, images: [String: [UInt8]]) {
      self.name = name
      self.images = images
    }
  }

  /// Numbers of the partitions.
  public struct Places: Sendable {
    var boot: Int
    var roots: [String: Int]

    /// - Parameter roots: The partition numbers of the root file systems, by slot.
    public init(boot: Int, roots: [String: Int]) {
      self.boot = boot
      self.roots = roots
    }
  }

  private let releases: [Release]
  private let loader: LoaderDouble
  private let places: Places
  /// Number of settled writes at which parts of the disk were found to have an image of a release.
  private var compared: [Comparison: Int] = [:]

  private struct Comparison: Hashable {
    var release: String
    var image: String
    var extents: [Range<UInt64>]
  }

  /// - Parameter releases: The releases that a slot may hold when it is started.
  public init(_ releases: [Release], _ loader: LoaderDouble, _ places: Places) {
    self.releases = releases
    self.loader = loader
    self.places = places
  }

  /// Returns the release that the next start would run, or the reason why no complete release would start.
  public func verdict(on disk: CutDisk) -> Result<String, Problem> {
    let table: DiskTable
    do {
      let reading = DiskTableReading(diskSizeInSectors: disk.size / 512) { lba, count in
        disk.read(count * 512, at: lba * 512)
      }
      table = try reading.table()
    } catch {
      return .failure(Problem(description: "no partition table: \(error)"))
    }
    func place(_ number: Int) -> UInt64? { table.extent(number: number).map { $0.firstLBA * 512 } }
    guard let boot = place(places.boot) else { return .failure(Problem(description: "no boot partition")) }
    do {
      let files = try FATReader { count, offset in disk.read(count, at: boot + offset) }
      guard let slot = loader.start(files: Self.loaderFiles(files)) else {
        return .failure(Problem(description: "the boot loader finds nothing to start"))
      }
      guard let number = places.roots[slot], let root = place(number) else {
        return .failure(Problem(description: "slot \(slot) has no partition"))
      }
      func extents(_ name: String) -> [Range<UInt64>] {
        (files.extents("slots/\(slot)/\(name)") ?? []).map { $0.lowerBound + boot..<$0.upperBound + boot }
      }
      let (kernel, initrd) = (extents("linux"), extents("initrd"))
      for release in releases
      where has("kernel", of: release, disk, at: kernel) && has("initrd", of: release, disk, at: initrd)
        && has("root", of: release, disk, at: [root..<root + UInt64(release.images["root"]?.count ?? 0)])
      {
        return .success("\(slot) \(release.name)")
      }
      return .failure(Problem(description: "slot \(slot) is chosen, and holds no release"))
    } catch {
      return .failure(Problem(description: "\(error)"))
    }
  }

  /// The reason why a disk cannot be started.
  public struct Problem: Error, CustomStringConvertible {
    /// The reason.
    public let description: String
  }

  /// Returns true if parts of a disk have an image of a release. Parts that were compared before and not written to
  /// since are not compared again.
  private func has(_ image: String, of release: Release, _ disk: CutDisk, at extents: [Range<UInt64>]) -> Bool {
    guard let content = release.images[image], content.count == extents.reduce(0, { $0 + $1.count }) else {
      return false
    }
    let comparison = Comparison(release: release.name, image: image, extents: extents)
    if let last = compared[comparison], !extents.contains(where: { disk.isTouched($0, since: last) }) {
      compared[comparison] = disk.settledCount
      return true
    }
    var start = 0
    for extent in extents {
      guard isSame(content[start..<start + extent.count], disk, at: extent.lowerBound) else { return false }
      start += extent.count
    }
    if !extents.contains(where: disk.isTouchedByLoose) { compared[comparison] = disk.settledCount }
    return true
  }

  private func isSame(_ content: ArraySlice<UInt8>, _ disk: CutDisk, at place: UInt64) -> Bool {
    let step = 8 << 20
    return stride(from: content.startIndex, to: content.endIndex, by: step).allSatisfy { start in
      let end = min(start + step, content.endIndex)
      let bytes = disk.read(end - start, at: place + UInt64(start - content.startIndex))
      return content[start..<end].isSame(as: bytes)
    }
  }

  /// Reads the files that boot loaders use.
  private static func loaderFiles(_ files: FATReader) -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    for folder in ["loader/entries", "grub", "u-boot", "slots/a", "slots/b"] {
      for item in files.items(folder) where !item.isFolder && item.size <= 1 << 16 {
        result["\(folder)/\(item.name)"] = files.file("\(folder)/\(item.name)")
      }
    }
    return result
  }
}

extension ArraySlice<UInt8> {
  /// Returns true if both have the same bytes. In a debug build, a loop over elements would take a thousand times as
  /// long.
  fileprivate func isSame(as other: [UInt8]) -> Bool {
    guard count == other.count else { return false }
    return withUnsafeBytes { one in
      other.withUnsafeBytes { two in
        guard let one = one.baseAddress, let two = two.baseAddress else { return true }
        return memcmp(one, two, other.count) == 0
      }
    }
  }
}
