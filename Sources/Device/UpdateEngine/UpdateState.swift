import Bundle
import DeviceModel
import FoundationEssentials
import Glibc
import LinuxSystem

/// The device's persistent state of its releases: one file, replaced as a whole.
///
/// The boot loader's own records decide which slot is started. This file says which release that is, and why. If both
/// differ after a power cut, the boot loader is right.
struct UpdateState: Codable, Equatable {
  /// A release in a slot.
  struct Release: Codable, Equatable {
    var version: String
    /// ``BundleManifest/release``, as text.
    var identity: String
    var securityEpoch: UInt64
    /// The version of the data that it writes.
    var dataSchema: UInt32
    /// The root of the hash tree of its root file system, in hexadecimal; `nil` if it is unknown.
    var rootTree: String?

    /// ``rootTree`` as a digest.
    var tree: Digest? { rootTree.flatMap(Fingerprint.init(hexadecimal:)).map { Digest($0.bytes) } }
  }

  /// A release on trial, or one that waits for its trial.
  struct Trial: Codable, Equatable {
    var slot: Slot
    var release: Release
    /// The boot in which it was offered to the boot loader (`boot_id`).
    var offeredIn: String
    /// True once it was offered to the boot loader. Before that, an interruption says nothing about the release.
    var isOffered: Bool
    /// The reason for giving it up, as recorded by the running release itself.
    var verdict: String?
    /// True if the trial waits for a request.
    var isHeld: Bool
    /// The last recorded failure when it was offered. Later ones belong to the trial.
    var failureBefore: FailureRecord?
  }

  /// A release that failed its trial.
  struct Failed: Codable, Equatable {
    var identity: String
    var version: String
    var reason: String
  }

  /// Maximum number of records.
  static let historyLimit = 64
  static let failedLimit = 32

  /// The highest security epoch of a committed release.
  var securityEpoch: UInt64 = 0
  /// The highest data schema of a committed release.
  var dataSchema: UInt32 = 0
  var a: Release?
  var b: Release?
  var trial: Trial?
  /// True if the files of the slot that does not run are consistent in FAT. False while they are being made.
  var hasSoundFiles: Bool? = true
  var failed: [Failed] = []
  var history: [UpdateRecord] = []

  subscript(slot: Slot) -> Release? {
    get { slot == .a ? a : b }
    set { if slot == .a { a = newValue } else { b = newValue } }
  }

  mutating func note(_ record: UpdateRecord) { history = (history + [record]).suffix(Self.historyLimit) }

  mutating func noteFailure(of release: Release, _ reason: String) {
    failed.removeAll { $0.identity == release.identity }
    failed = (failed + [Failed(identity: release.identity, version: release.version, reason: reason)])
      .suffix(Self.failedLimit)
  }
}

/// The files of the update engine on the data partition.
struct UpdateStore {
  let folder: String

  init(in folder: String) throws {
    self.folder = folder
    try FileTree.makeFolders(folder, mode: 0o700)
  }

  private var path: String { folder + "/state.json" }

  /// Reads the state. If it is absent or cannot be parsed, returns that of a new device, which forbids nothing.
  func state() -> UpdateState {
    guard let bytes = try? FileTree.read(path, limit: 1 << 20) else { return UpdateState() }
    return (try? JSONDecoder().decode(UpdateState.self, from: Data(bytes))) ?? UpdateState()
  }

  /// Saves the state. After a power cut the file has the previous state or this one.
  func save(_ state: UpdateState) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try FileTree.replace(path, with: Array(try encoder.encode(state)))
  }

  /// Opens the journal of an installation, to resume it.
  func journal(of slot: Slot) throws -> InstallJournal {
    let path = folder + "/journal-\(slot.rawValue)"
    return try InstallJournal(
      FileTree.exists(path) ? try StorageFile(path, writable: true) : try StorageFile(making: path, size: 1024))
  }

  /// The root of the hash tree of the root file system that slot A was flashed with, in hexadecimal. `nil` after an
  /// installation into slot A, or if the data partition is not the flashed one.
  var flashedTree: String? { FileTree.line("\(folder)/\(DevicePaths.flashedRoot)") }

  /// Removes the record of the flashed root file system before an installation into its slot.
  func forgetFlashed(_ slot: Slot) {
    if slot == .a { unlink("\(folder)/\(DevicePaths.flashedRoot)") }
  }

  /// The path of the newest root of trust from a bundle.
  var rootPath: String { folder + "/trust.root" }
}
