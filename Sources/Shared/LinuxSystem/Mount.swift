import CLinuxSystem
import Glibc

/// Mounting and unmounting.
public enum Mount {
  /// Flags of a mount.
  public struct Flags: OptionSet, Sendable {
    /// The kernel's bits.
    public let rawValue: UInt

    /// Makes flags of the kernel's bits.
    public init(rawValue: UInt) {
      self.rawValue = rawValue
    }

    /// No writing.
    public static let readOnly = Flags(rawValue: 1)
    /// Set-user-id bits have no effect.
    public static let noSetUserID = Flags(rawValue: 2)
    /// Device nodes have no effect.
    public static let noDevices = Flags(rawValue: 4)
    /// Nothing can be executed.
    public static let noExecution = Flags(rawValue: 8)
    /// Every write waits until it is on the disk.
    public static let synchronous = Flags(rawValue: 16)
    /// Change the flags of what is mounted.
    public static let remount = Flags(rawValue: 32)
    /// Reading does not write access times.
    public static let noAccessTimes = Flags(rawValue: 1024)
    /// Move a mount to another place.
    public static let move = Flags(rawValue: 8192)
    /// Times are written when something else of the file is, or after a day.
    public static let lazyTimes = Flags(rawValue: 1 << 25)

    /// Flags by their names in mount(8).
    private static let names: [String: Flags] = [
      "lazytime": .lazyTimes, "noatime": .noAccessTimes, "nodev": .noDevices, "noexec": .noExecution,
      "nosuid": .noSetUserID, "sync": .synchronous,
    ]

    /// Options as mount(8) takes them, divided into flags and the file system's own, which are joined by commas.
    public static func parsed(_ options: [String]) -> (flags: Flags, others: String) {
      let flags = options.compactMap { names[$0] }.reduce(Flags()) { $0.union($1) }
      return (flags, options.filter { names[$0] == nil }.joined(separator: ","))
    }
  }

  /// Mounts a file system.
  ///
  /// - Parameters:
  ///   - type: its type.
  ///   - source: a device, or a name for what has none.
  ///   - target: the folder; it is made where it is missing and can be made.
  ///   - flags: flags.
  ///   - options: options of the file system, separated by commas.
  /// - Throws: ``SystemError``.
  public static func mount(
    _ type: String, from source: String, at target: String, _ flags: Flags = [], options: String = ""
  ) throws(SystemError) {
    if !FileTree.exists(target) { try FileTree.makeFolders(target) }
    try check("mount \(source) (\(type)) on", target) {
      Glibc.mount(source, target, type, flags.rawValue, options)
    }
  }

  /// Mounts a file system that has no device on an open folder.
  ///
  /// - Parameters:
  ///   - type: Its type.
  ///   - folder: The folder.
  ///   - name: The folder's path, for the error.
  ///   - flags: Flags.
  ///   - options: Options of the file system, separated by commas.
  /// - Throws: ``SystemError``.
  public static func mount(
    _ type: String, on folder: Descriptor, named name: String, _ flags: Flags = [], options: String = ""
  ) throws(SystemError) {
    try check("mount \(type) on", name) { Glibc.mount(type, folder.path, type, flags.rawValue, options) }
  }

  /// Moves a mount to another place.
  public static func move(_ source: String, to target: String) throws(SystemError) {
    try check("move mount \(source) to", target) {
      Glibc.mount(source, target, nil, Flags.move.rawValue, nil)
    }
  }

  /// Shows a file or folder at another place as well; for a file, there has to be one.
  public static func bind(_ source: String, at target: String) throws(SystemError) {
    try check("bind \(source) to", target) { Glibc.mount(source, target, nil, UInt(MS_BIND), nil) }
  }

  /// Changes the flags of what is mounted at `target`.
  public static func remount(_ target: String, _ flags: Flags) throws(SystemError) {
    try check("remount", target) { Glibc.mount(nil, target, nil, flags.union(.remount).rawValue, nil) }
  }

  /// Takes a mount away.
  public static func unmount(_ target: String) throws(SystemError) {
    try check("unmount", target) { umount2(target, 0) }
  }

  /// Whether another file system is mounted at `path` than at the folder above it.
  public static func isMountPoint(_ path: String) -> Bool {
    var here = stat()
    var above = stat()
    guard stat(path, &here) == 0, stat(FileTree.parent(of: path), &above) == 0 else { return false }
    return here.st_dev != above.st_dev || here.st_ino == above.st_ino
  }

  /// Mounts what is not a mount point yet.
  public static func mountOnce(
    _ type: String, at target: String, _ flags: Flags = [], options: String = ""
  ) throws(SystemError) {
    if isMountPoint(target) { return }
    try mount(type, from: type, at: target, flags, options: options)
  }

  /// The magic number of the file system at `path`; 0 where there is none.
  public static func fileSystemMagic(at path: String) -> UInt64 {
    var status = statfs()
    return statfs(path, &status) == 0 ? UInt64(truncatingIfNeeded: status.f_type) : 0
  }

  /// Size and free space of the file system at `path`, and the piece of it that a file takes at least, in bytes; `nil` where it cannot be
  /// asked.
  public static func space(at path: String) -> (total: UInt64, available: UInt64, unit: UInt64)? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let unit = UInt64(status.f_frsize)
    return (UInt64(status.f_blocks) * unit, UInt64(status.f_bavail) * unit, unit)
  }
}
