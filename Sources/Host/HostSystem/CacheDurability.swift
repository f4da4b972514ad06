import FoundationEssentials
import Glibc
import class LinuxSystem.Descriptor
import enum LinuxSystem.FileTree

/// Results and power cuts.
///
/// Nothing of a result is synced when it is stored: that would take longer than many a result. After a power cut, its folder may have its
/// name, and its files be empty. So each result has a note of the start of the machine in which it was stored (`boot_id`). In another start
/// it is no result, unless its note says that its file system was synced since. A note that the cut has taken, or emptied, says neither,
/// so it does not matter in which order notes and results come to the disk.
extension Cache {
  private static let synced = "synced"

  /// The start of the machine; empty where the kernel does not say.
  public static func runningStart() -> String { FileTree.line("/proc/sys/kernel/random/boot_id") ?? "" }

  /// True if there is a result that a power cut cannot have damaged.
  public func has(_ kind: String, _ key: ContentHash) -> Bool {
    let place = location(kind, key)
    return access(place.path, F_OK) == 0 && isWhole(place)
  }

  /// Syncs the file system of the cache if results were stored in this start of the machine, and notes that they are on the disk. It is called
  /// when a build is complete, and takes the time that the disk needs for what it has not written yet.
  ///
  /// - Throws: ``FileFailure``.
  public func synchronise() throws(FileFailure) {
    guard session.hasStored else { return }
    let notes = try unsyncedNotes()
    do {
      try Descriptor(opening: folder.path, O_RDONLY | O_DIRECTORY).synchroniseFileSystem()
    } catch {
      throw FileFailure("sync the cache", folder.path, reason: String(cString: strerror(error.code)))
    }
    for note in notes { try write(Self.synced, to: note) }
  }

  /// Notes the start of the machine for a result that is about to get its name.
  func noteStart(of place: URL) throws(FileFailure) {
    try FolderTree.create(note(of: place).deletingLastPathComponent().path)
    try write(start, to: note(of: place))
    session.hasStored = true
  }

  /// Removes what stands at the place of a result and may be damaged.
  func dropDamaged(_ place: URL) {
    guard isInStore(place), access(place.path, F_OK) == 0, !isWhole(place) else { return }
    let trash = scratchFolder.appending(path: UUID().uuidString)
    guard (try? FolderTree.create(trash.path)) != nil else { return }
    withTakingLock(LOCK_EX) {
      // Another build may have stored it anew in the meantime.
      if !isWhole(place) { rename(place.path, trash.appending(path: "result").path) }
    }
    remover(trash.path)
  }

  /// The note of a result.
  func note(of place: URL) -> URL {
    notes.appending(path: "\(place.deletingLastPathComponent().lastPathComponent)/\(place.lastPathComponent)")
  }

  private var notes: URL { folder.appending(path: "starts") }

  private func isInStore(_ place: URL) -> Bool {
    place.deletingLastPathComponent().deletingLastPathComponent().path == folder.appending(path: "store").path
  }

  private func isWhole(_ place: URL) -> Bool {
    guard let bytes = try? FolderTree.readFile(note(of: place).path) else { return false }
    let text = String(decoding: bytes, as: UTF8.self)
    if text == Self.synced || text == start && !start.isEmpty { return true }
    // Another machine has the cache as well, and a build that runs there has it in use.
    guard let inUse = CacheSession.oldest(in: runningFolder), let lastUse = CacheTime(of: place.path) else {
      return false
    }
    return lastUse >= inUse
  }

  /// Notes of results that were stored in this start of the machine.
  private func unsyncedNotes() throws(FileFailure) -> [URL] {
    var unsynced: [URL] = []
    for kind in try FolderTree.names(in: notes.path) {
      let folder = notes.appending(path: kind)
      for name in try FolderTree.names(in: folder.path) {
        let note = folder.appending(path: name)
        if (try? FolderTree.readFile(note.path)).map({ $0.elementsEqual(start.utf8) }) ?? false {
          unsynced.append(note)
        }
      }
    }
    return unsynced
  }

  /// A reader sees the old note or the new one.
  private func write(_ text: String, to note: URL) throws(FileFailure) {
    let temporary = scratchFolder.appending(path: "note-\(UUID().uuidString)").path
    try FolderTree.writeFile(temporary, with: text.utf8)
    guard rename(temporary, note.path) == 0 else {
      let failure = FileFailure.last("write", note.path)
      unlink(temporary)
      throw failure
    }
  }
}
