import CLinuxSystem
import Glibc

/// Mounts and unmounts file systems.
public enum Mount {
  /// Mount flags.
  public struct Flags: OptionSet, Sendable {
    /// The kernel's bits (`MS_*`).
    public let rawValue: UInt

    public init(rawValue: UInt) {
      self.rawValue = rawValue
    }

    /// The mount is read-only.
    public static let readOnly = Flags(rawValue: 1)
    /// Set-user-ID bits have no effect.
    public static let noSetUserID = Flags(rawValue: 2)
    /// Device nodes have no effect.
    public static let noDevices = Flags(rawValue: 4)
    /// Files cannot be executed.
    public static let noExecution = Flags(rawValue: 8)
    /// Each write waits until the data is on the disk.
    public static let synchronous = Flags(rawValue: 16)
    /// Change the flags of an existing mount.
    public static let remount = Flags(rawValue: 32)
    /// Access times are not updated.
    public static let noAccessTimes = Flags(rawValue: 1024)
    /// Move a mount to another mount point.
    public static let move = Flags(rawValue: 8192)
    /// Timestamps are written together with other changes to the file, or after a day.
    public static let lazyTimes = Flags(rawValue: 1 << 25)

    /// Flags by their option names in mount(8).
    private static let names: [String: Flags] = [
      "lazytime": .lazyTimes, "noatime": .noAccessTimes, "nodev": .noDevices, "noexec": .noExecution,
      "nosuid": .noSetUserID, "sync": .synchronous,
    ]

    /// Splits options of mount(8) into flags and a comma-separated list of the file system's own options.
    public static func parsed(_ options: [String]) -> (flags: Flags, others: String) {
      let flags = options.compactMap { names[$0] }.reduce(Flags()) { $0.union($1) }
      return (flags, options.filter { names[$0] == nil }.joined(separator: ","))
    }
  }

  /// Mounts a file system.
  ///
  /// - Parameters:
  ///   - type: File system type.
  ///   - source: Device node, or any name for a file system without a device.
  ///   - target: Mount point. It is created if it is missing.
  ///   - flags: Mount flags.
  ///   - options: File system options, separated by commas.
  /// - Throws: ``SystemError``.
  public static func mount(
    _ type: String, from source: String, at target: String, _ flags: Flags = [], options: String = ""
  ) throws(SystemError) {
    if !FileTree.exists(target) { try FileTree.makeFolders(target) }
    try check("mount \(source) (\(type)) on", target) {
      Glibc.mount(source, target, type, flags.rawValue, options)
    }
  }

  /// Mounts a file system without a device on an open directory.
  ///
  /// - Parameters:
  ///   - type: File system type.
  ///   - folder: The open directory.
  ///   - name: Path of the directory, for errors.
  ///   - flags: Mount flags.
  ///   - options: File system options, separated by commas.
  /// - Throws: ``SystemError``.
  public static func mount(
    _ type: String, on folder: Descriptor, named name: String, _ flags: Flags = [], options: String = ""
  ) throws(SystemError) {
    try check("mount \(type) on", name) { Glibc.mount(type, folder.path, type, flags.rawValue, options) }
  }

  /// Moves a mount to another mount point.
  public static func move(_ source: String, to target: String) throws(SystemError) {
    try check("move mount \(source) to", target) {
      Glibc.mount(source, target, nil, Flags.move.rawValue, nil)
    }
  }

  /// Bind-mounts a file or folder at another path, where a file or folder must exist.
  public static func bind(_ source: String, at target: String) throws(SystemError) {
    try check("bind \(source) to", target) { Glibc.mount(source, target, nil, UInt(MS_BIND), nil) }
  }

  /// Changes the flags of the mount at `target`.
  public static func remount(_ target: String, _ flags: Flags) throws(SystemError) {
    try check("remount", target) { Glibc.mount(nil, target, nil, flags.union(.remount).rawValue, nil) }
  }

  public static func unmount(_ target: String) throws(SystemError) {
    try check("unmount", target) { umount2(target, 0) }
  }

  /// True if `path` is on a different file system from its parent folder, or is the root.
  public static func isMountPoint(_ path: String) -> Bool {
    var here = stat()
    var above = stat()
    guard stat(path, &here) == 0, stat(FileTree.parent(of: path), &above) == 0 else { return false }
    return here.st_dev != above.st_dev || here.st_ino == above.st_ino
  }

  /// Mounts a file system, unless `target` is a mount point already.
  public static func mountOnce(
    _ type: String, at target: String, _ flags: Flags = [], options: String = ""
  ) throws(SystemError) {
    if isMountPoint(target) { return }
    try mount(type, from: type, at: target, flags, options: options)
  }

  /// Magic number of the file system at `path`; 0 if it cannot be read.
  public static func fileSystemMagic(at path: String) -> UInt64 {
    var status = statfs()
    return statfs(path, &status) == 0 ? UInt64(truncatingIfNeeded: status.f_type) : 0
  }

  /// Size, free space and fragment size in bytes of the file system at `path`; `nil` if they cannot be read. The
  /// fragment size is the minimum space that a file takes.
  public static func space(at path: String) -> (total: UInt64, available: UInt64, unit: UInt64)? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let unit = UInt64(status.f_frsize)
    return (UInt64(status.f_blocks) * unit, UInt64(status.f_bavail) * unit, unit)
  }
}
