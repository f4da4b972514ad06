import Crypto
import Foundation
import PartitionTable
import TestFixtures

/// Judges a disk after a power cut without starting it: there has to be a partition table, a boot loader's choice, and behind it a slot
/// that is a release, byte for byte.
public final class SlotJudge {
  /// A release, by its images.
  public struct Release: Sendable {
    /// Name, for messages.
    public var name: String
    /// Content of `root`, `kernel`, `initrd`.
    public var images: [String: [UInt8]]

    /// Names a release.
    public init(name: String, images: [String: [UInt8]]) {
      self.name = name
      self.images = images
    }
  }

  /// Numbers of the partitions.
  public struct Places: Sendable {
    var boot: Int
    var roots: [String: Int]

    /// - Parameter roots: Of the root file systems, by slot.
    public init(boot: Int, roots: [String: Int]) {
      self.boot = boot
      self.roots = roots
    }
  }

  private let releases: [Release]
  private let loader: LoaderDouble
  private let places: Places
  /// After how many settled writes a partition was found to have a release.
  private var compared: [String: Int] = [:]

  /// - Parameter releases: What a slot may hold where it is started.
  public init(_ releases: [Release], _ loader: LoaderDouble, _ places: Places) {
    self.releases = releases
    self.loader = loader
    self.places = places
  }

  /// What the next start would be, or why there is none that is whole.
  public func verdict(on disk: CutDisk) -> Result<String, Problem> {
    let table: GPT
    do {
      let reading = GPTReading(diskSizeInSectors: disk.size / 512) { lba, count in
        disk.read(count * 512, at: lba * 512)
      }
      table = try reading.table()
    } catch {
      return .failure(Problem(description: "no partition table: \(error)"))
    }
    func place(_ number: Int) -> UInt64? { table.partitions.first { $0.number == number }.map { $0.firstLBA * 512 } }
    guard let boot = place(places.boot) else { return .failure(Problem(description: "no boot partition")) }
    do {
      let files = try FATReader { count, offset in disk.read(count, at: boot + offset) }
      guard let slot = loader.start(files: Self.loaderFiles(files)) else {
        return .failure(Problem(description: "the boot loader finds nothing to start"))
      }
      guard let number = places.roots[slot], let root = place(number) else {
        return .failure(Problem(description: "slot \(slot) has no partition"))
      }
      let kernel = files.file("slots/\(slot)/linux")
      let initrd = files.file("slots/\(slot)/initrd")
      for release in releases
      where Self.isSame(kernel, release.images["kernel"]) && Self.isSame(initrd, release.images["initrd"])
        && hasRoot(release, disk, at: root)
      {
        return .success("\(slot) \(release.name)")
      }
      return .failure(Problem(description: "slot \(slot) is chosen, and holds no release"))
    } catch {
      return .failure(Problem(description: "\(error)"))
    }
  }

  /// Why a disk cannot be started.
  public struct Problem: Error, CustomStringConvertible {
    /// The reason.
    public let description: String
  }

  /// Whether a partition has a release's root. What was compared once and was not written to since is not compared again.
  private func hasRoot(_ release: Release, _ disk: CutDisk, at place: UInt64) -> Bool {
    let content = release.images["root"] ?? []
    let range = place..<place + UInt64(content.count)
    if let last = compared[release.name + "@\(place)"], !disk.isTouched(range, since: last) { return true }
    guard isSame(content, disk, at: place) else { return false }
    if !disk.isTouchedByLoose(range) { compared[release.name + "@\(place)"] = disk.settledCount }
    return true
  }

  private func isSame(_ content: [UInt8], _ disk: CutDisk, at place: UInt64) -> Bool {
    let step = 8 << 20
    return stride(from: 0, to: content.count, by: step).allSatisfy { start in
      let end = min(start + step, content.count)
      let bytes = disk.read(end - start, at: place + UInt64(start))
      return content[start..<end].isSame(as: bytes)
    }
  }

  private static func isSame(_ one: [UInt8]?, _ other: [UInt8]?) -> Bool {
    guard let one, let other else { return false }
    return one[...].isSame(as: other)
  }

  /// The files that boot loaders look at.
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
  /// Whether both have the same bytes; a loop over elements would take a thousand times as long in a debug build.
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
