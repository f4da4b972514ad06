import DeviceModel
import DiskImage
import FoundationEssentials
import Glibc
import LinuxSystem

/// A disk of the build host.
public struct Disk: Codable, Sendable, Equatable {
  /// Path of the device node.
  public var path: String
  /// Size of the disk in bytes.
  public var size: Int64
  /// Size of the disk's logical sectors in bytes.
  public var sectorSize: Int
  /// Vendor and model, as the disk reports them.
  public var model: String
  /// True if the disk is a removable medium, a USB disk or an SD card.
  public var isRemovable: Bool
  /// The current uses of the disk; empty if it is not in use.
  public var uses: [String]

  /// Checks that an image can be written to the disk, and that a machine can boot from it.
  ///
  /// - Parameter size: Size of the image in bytes.
  /// - Throws: ``FlashFailure``.
  public func check(forImageOf size: Int64) throws(FlashFailure) {
    guard sectorSize == 512 else { throw .sectors(path, size: sectorSize) }
    guard self.size >= size else {
      throw .tooSmall(path, size: ByteSize(bytes: self.size), image: ByteSize(bytes: size))
    }
  }
}

/// The disks of the build host, as the kernel reports them (Documentation/ABI/stable/sysfs-block,
/// proc_pid_mountinfo(5)).
public struct Disks: Sendable {
  private let sys: String
  private let proc: String

  /// - Parameters:
  ///   - sys: Mount point of sysfs.
  ///   - proc: Mount point of procfs.
  public init(sys: String = "/sys", proc: String = "/proc") {
    self.sys = sys
    self.proc = proc
  }

  /// Returns the removable disks, which are likely targets for a device's image.
  public func removable() -> [Disk] {
    names("\(sys)/block").filter { name in
      !["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"].contains { name.hasPrefix($0) }
    }
    .map(disk(named:)).filter { $0.isRemovable && $0.size > 0 }
  }

  /// Returns the disk of a device node.
  ///
  /// - Parameter path: Path of the node, of a link to it, or of a regular file that is used as a disk.
  /// - Throws: ``FlashFailure`` if it is not a disk, or is a partition.
  public func disk(at path: String) throws(FlashFailure) -> Disk {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .noDisk(path) }
    if status.st_mode & S_IFMT == S_IFREG {
      // A regular file is used as a disk of its size.
      return Disk(
        path: path, size: Int64(status.st_size), sectorSize: 512, model: "a file", isRemovable: true, uses: [])
    }
    guard status.st_mode & S_IFMT == S_IFBLK else { throw .noDisk(path) }
    // makedev(3): the bits of each number are in two parts.
    let device = UInt64(status.st_rdev)
    let major = device >> 8 & 0xfff | device >> 32 & ~0xfff
    let minor = device & 0xff | device >> 12 & 0xffff_ff00
    return try disk(path, number: "\(major):\(minor)")
  }

  /// Returns the disk with a device number.
  func disk(_ path: String, number: String) throws(FlashFailure) -> Disk {
    let folder = URL(fileURLWithPath: "\(sys)/dev/block/\(number)").resolvingSymlinksInPath()
    let name = folder.lastPathComponent
    if line(folder.appending(path: "partition").path) != nil {
      throw .partition(path, disk: "/dev/\(folder.deletingLastPathComponent().lastPathComponent)")
    }
    guard names("\(sys)/block").contains(name) else { throw .noDisk(path) }
    return disk(named: name)
  }

  private func disk(named name: String) -> Disk {
    let folder = "\(sys)/block/\(name)"
    let place = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    let model = ["vendor", "model", "name"].compactMap { line("\(folder)/device/\($0)") }.joined(separator: " ")
    let isCard = line("\(folder)/device/type") == "SD"
    return Disk(
      path: "/dev/\(name)", size: (line("\(folder)/size").flatMap { Int64($0) } ?? 0) * 512,
      sectorSize: line("\(folder)/queue/logical_block_size").flatMap { Int($0) } ?? 512, model: model,
      isRemovable: line("\(folder)/removable") == "1" || place.contains("/usb") || isCard, uses: uses(of: name))
  }

  /// Returns the uses of a disk and its partitions.
  private func uses(of disk: String) -> [String] {
    let folder = "\(sys)/block/\(disk)"
    let partitions = names(folder).filter { line("\(folder)/\($0)/partition") != nil }
    let mounts = text("\(proc)/self/mountinfo").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let swaps = text("\(proc)/swaps").split(separator: "\n").dropFirst().compactMap { $0.split(separator: " ").first }
    var uses: [String] = []
    for (name, place) in [(disk, folder)] + partitions.map({ ($0, "\(folder)/\($0)") }) {
      let number = line("\(place)/dev")
      for row in mounts where row.count > 6 {
        // A file system on several disks has its own device number, but the mount's source names one of the disks.
        let source = row.firstIndex(of: "-").flatMap { row.count > $0 + 2 ? row[$0 + 2] : nil }
        guard row[2] == number || source == "/dev/\(name)" else { continue }
        let target = row[4].replacing("\\040", with: " ")
        uses.append(target == "/" ? "\(name) holds the running system" : "\(name) is mounted at \(target)")
      }
      if swaps.contains("/dev/\(name)") { uses.append("\(name) is swap") }
      uses += names("\(place)/holders").map { "\(name) is part of \($0)" }
    }
    return uses
  }

  private func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  private func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

  /// Reads the only line of a file; `nil` if the file is missing or empty.
  private func line(_ path: String) -> String? {
    let line = text(path).trimmed
    return line.isEmpty ? nil : line
  }
}
