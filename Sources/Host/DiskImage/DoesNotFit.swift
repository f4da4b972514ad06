import HostSystem

/// Something is larger than the place that it is to stand in.
public struct DoesNotFit: ExplainedError, Equatable {
  /// What it is: `the root file system`.
  public var content: String
  /// How large it is.
  public var size: ByteSize
  /// How large the place is.
  public var room: ByteSize
  /// The place: `the slot`.
  public var place: String
  /// Key of the place's size in a layout: `slot`.
  public var key: String

  /// Throws if the content is larger than the room.
  static func check(
    _ content: String, _ size: ByteSize, _ room: ByteSize, _ place: String, key: String
  ) throws(DoesNotFit) {
    if size > room { throw DoesNotFit(content: content, size: size, room: room, place: place, key: key) }
  }

  /// What was being done, and what was wrong.
  public var problem: String {
    let missing = ByteSize(bytes: size.bytes - room.bytes)
    return "\(content) does not fit into \(place): it takes \(size) of \(room), \(missing) too much"
  }

  /// What the user can do now.
  public var remedy: String? {
    // A quarter more than is needed now, in whole mebibytes, so that the next small change still fits.
    let megabytes = (size.bytes + size.bytes / 4 + (1 << 20) - 1) >> 20
    return "make it larger with `\(key): \(megabytes)M` in the image's `layout`, or take something out of the image"
  }
}
