import DeviceModel
import HostSystem

/// An error for content that is larger than its place.
public struct DoesNotFit: ExplainedError, Equatable {
  /// Name of the content: `the root file system`.
  public var content: String
  /// Size of the content.
  public var size: ByteSize
  /// Size of the place.
  public var room: ByteSize
  /// Name of the place: `the slot`.
  public var place: String
  /// Key of the place's size in a project's layout: `slot`.
  public var key: String

  /// Throws if the content is larger than the place.
  static func check(
    _ content: String, _ size: ByteSize, _ room: ByteSize, _ place: String, key: String
  ) throws(DoesNotFit) {
    if size > room { throw DoesNotFit(content: content, size: size, room: room, place: place, key: key) }
  }

  public var problem: String {
    let missing = ByteSize(bytes: size.bytes - room.bytes)
    return "\(content) does not fit into \(place): it needs \(size), \(missing) more than the available \(room)"
  }

  public var remedy: String? {
    // Suggest a quarter more than needed, in whole mebibytes, so that small changes still fit.
    let megabytes = (size.bytes + size.bytes / 4 + (1 << 20) - 1) >> 20
    return "make it larger with `\(key): \(megabytes)M` in the image's `layout`, or remove something from the image"
  }
}
