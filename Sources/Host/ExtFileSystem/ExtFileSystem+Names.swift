extension ExtFileSystem {
  /// An entry of a folder.
  public struct Entry: Sendable {
    /// Name as bytes, because it may be invalid as text.
    public var name: [UInt8]
    public var inode: UInt32
  }

  /// The entries of a folder, sorted by the bytes of their names, without `.` and `..`.
  ///
  /// - Throws: ``ExtFailure``.
  public func entries(of folder: ExtInode) throws -> [Entry] {
    var entries: [Entry] = []
    // Blocks of an index look like unused entries.
    let content = try content(of: folder)
    var offset = 0
    while offset + 8 <= content.count {
      let length = Int(content.number(at: offset + 4, as: UInt16.self))
      let nameLength = Int(content[offset + 6])
      guard length >= 8, length % 4 == 0, 8 + nameLength <= length, offset + length <= content.count else {
        throw ExtFailure.damaged("the folder with the inode \(folder.number) has an invalid entry")
      }
      let inode = content.number(at: offset, as: UInt32.self)
      let name = Array(content[offset + 8..<offset + 8 + nameLength])
      offset += length
      guard inode != 0, !name.isEmpty, name != Array(".".utf8), name != Array("..".utf8) else { continue }
      guard !name.contains(UInt8(ascii: "/")), !name.contains(0) else {
        throw ExtFailure.damaged("the folder with the inode \(folder.number) has an invalid name")
      }
      entries.append(Entry(name: name, inode: inode))
    }
    return entries.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// Finds the inode at a path from the root folder, without following links; returns `nil` if there is none.
  ///
  /// - Throws: ``ExtFailure``.
  public func inode(at path: String) throws -> ExtInode? {
    var current = try root
    for name in path.utf8.split(separator: UInt8(ascii: "/")) {
      guard current.kind == .folder, let entry = try entries(of: current).first(where: { $0.name.elementsEqual(name) })
      else { return nil }
      current = try inode(entry.inode)
    }
    return current
  }

  /// The root folder.
  ///
  /// - Throws: ``ExtFailure``.
  public var root: ExtInode {
    get throws {
      let root = try inode(Self.rootInode)
      guard root.kind == .folder else { throw ExtFailure.damaged("it has no root folder") }
      return root
    }
  }

  /// Maximum depth of folders. Linux opens no path longer than 4096 bytes.
  private static let deepest = 512

  /// Calls `body` for everything below the root folder, in the order of names. A folder comes before its content.
  ///
  /// - Throws: ``ExtFailure``, and errors of `body`.
  public func walk(_ body: (_ path: [UInt8], _ inode: ExtInode) throws -> Void) throws {
    var seen: Set<UInt32> = [Self.rootInode]
    func walk(_ folder: ExtInode, _ path: [UInt8], depth: Int) throws {
      guard depth < Self.deepest, path.count < 4096 else { throw ExtFailure.damaged("it has a path that is too long") }
      for entry in try entries(of: folder) {
        let inode = try inode(entry.inode)
        let place = path.isEmpty ? entry.name : path + [UInt8(ascii: "/")] + entry.name
        try body(place, inode)
        guard inode.kind == .folder else { continue }
        guard seen.insert(inode.number).inserted else {
          throw ExtFailure.damaged("the folder with the inode \(inode.number) has two names")
        }
        try walk(inode, place, depth: depth + 1)
      }
    }
    try walk(try root, [], depth: 0)
  }

  // MARK: Extended attributes

  /// Prefixes of attribute names, by their stored numbers. Those of access control lists are complete names.
  private static let prefixes: [UInt8: String] = [
    1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 6: "security.",
  ]

  /// Converts an access control list from its shorter stored form to that of system calls (`linux/posix_acl_xattr.h`);
  /// returns `nil` for an invalid list.
  private static func accessList(_ stored: [UInt8]) -> [UInt8]? {
    guard stored.number(at: 0, as: UInt32.self) == 1 else { return nil }
    var list: [UInt8] = [2, 0, 0, 0]
    var offset = 4
    while offset < stored.count {
      // Only entries of named users and groups have an id.
      let isNamed = [0x02, 0x08].contains(stored.number(at: offset, as: UInt16.self))
      let length = isNamed ? 8 : 4
      guard offset + length <= stored.count else { return nil }
      list += stored[offset..<offset + length] + (isNamed ? [] : [255, 255, 255, 255])
      offset += length
    }
    return list
  }

  /// The extended attributes `user.*` and `security.*` and the access control lists of an inode, sorted by name.
  ///
  /// - Throws: ``ExtFailure``.
  public func attributes(of inode: ExtInode) throws -> [(name: String, value: [UInt8])] {
    var result: [(name: String, value: [UInt8])] = []
    let own = inode.ownAttributes
    if own.number(at: 0, as: UInt32.self) == 0xEA02_0000 {
      result += try attributes(own, from: 4, valuesFrom: 4, of: inode)
    }
    if inode.attributeBlock != 0 {
      let content = try block(inode.attributeBlock)
      guard content.number(at: 0, as: UInt32.self) == 0xEA02_0000 else {
        throw ExtFailure.damaged("the inode \(inode.number) has invalid attributes")
      }
      result += try attributes(content, from: 32, valuesFrom: 0, of: inode)
    }
    return result.sorted { $0.name < $1.name }
  }

  private func attributes(
    _ content: [UInt8], from start: Int, valuesFrom base: Int, of inode: ExtInode
  ) throws -> [(name: String, value: [UInt8])] {
    var result: [(name: String, value: [UInt8])] = []
    var offset = start
    while offset + 16 <= content.count, content.number(at: offset, as: UInt32.self) != 0 {
      let nameLength = Int(content[offset])
      let place = base + Int(content.number(at: offset + 2, as: UInt16.self))
      let size = Int(content.number(at: offset + 8, as: UInt32.self))
      guard offset + 16 + nameLength <= content.count, place + size <= content.count else {
        throw ExtFailure.damaged("the inode \(inode.number) has an invalid attribute")
      }
      if let prefix = Self.prefixes[content[offset + 1]] {
        let name = String(decoding: content[offset + 16..<offset + 16 + nameLength], as: UTF8.self)
        var value = Array(content[place..<place + size])
        if prefix.hasPrefix("system.") {
          guard let list = Self.accessList(value) else {
            throw ExtFailure.damaged("the inode \(inode.number) has an invalid access control list")
          }
          value = list
        }
        result.append((prefix + name, value))
      }
      offset += (16 + nameLength + 3) & ~3
    }
    return result
  }
}
