import HostSystem

/// Writes a tree as a tar archive: POSIX.1-1988 ustar, with POSIX.1-2001 pax records where a path or a link target is
/// too long for it.
public enum TarArchive {
  /// Writes the archive; the bytes depend on the tree and the time only.
  ///
  /// - Parameters:
  ///   - tree: What goes in; owners are written as numbers.
  ///   - path: File on the build host.
  ///   - time: Time of modification of every entry, in seconds since 1970.
  /// - Throws: `FileFailure`.
  public static func write(_ tree: FileTree, to path: String, time: Int64) throws(FileFailure) {
    var file = try OutputFile(path)
    try writeHeader(
      name: "./", entry: FileTree.Entry(kind: .folder, mode: 0o755, uid: 0, gid: 0, origin: ""), time: time, to: &file)
    for path in tree.paths {
      guard let entry = tree[path] else { continue }
      var name = "./\(path)"
      if case .folder = entry.kind { name += "/" }
      try writeHeader(name: name, entry: entry, time: time, to: &file)
      if case .file(let content) = entry.kind {
        try file.write(content)
        try file.pad(to: 512)
      }
    }
    try file.write([UInt8](repeating: 0, count: 1024))
    try file.flush()
  }

  private static func writeHeader(
    name: String, entry: FileTree.Entry, time: Int64, to file: inout OutputFile
  ) throws(FileFailure) {
    var link = ""
    if case .link(let target) = entry.kind { link = target }
    var records: [String] = []
    if name.utf8.count > 100 { records.append(paxRecord("path", name)) }
    if link.utf8.count > 100 { records.append(paxRecord("linkpath", link)) }
    if !records.isEmpty {
      let body = Array(records.joined().utf8)
      try file.write(
        header(
          name: "./pax", mode: 0o644, uid: 0, gid: 0, size: Int64(body.count), time: time, type: "x", link: ""))
      try file.write(body)
      try file.pad(to: 512)
    }
    var size: Int64 = 0
    let type: Character
    var device: (UInt32, UInt32)?
    switch entry.kind {
    case .folder: type = "5"
    case .link: type = "2"
    case .file(let content):
      type = "0"
      size = content.size
    case .characterDevice(let major, let minor):
      type = "3"
      device = (major, minor)
    }
    try file.write(
      header(
        name: name, mode: entry.mode, uid: entry.uid, gid: entry.gid, size: size, time: time, type: type, link: link,
        device: device))
  }

  /// A record `LENGTH KEY=VALUE\n`, whose length counts its own digits.
  private static func paxRecord(_ key: String, _ value: String) -> String {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count
    while "\(length)".utf8.count + rest.utf8.count != length { length = "\(length)".utf8.count + rest.utf8.count }
    return "\(length)\(rest)"
  }

  private static func header(
    name: String, mode: UInt32, uid: UInt32, gid: UInt32, size: Int64, time: Int64, type: Character, link: String,
    device: (UInt32, UInt32)? = nil
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int, width: Int) {
      for (index, byte) in text.utf8.prefix(width).enumerated() { block[offset + index] = byte }
    }
    func octal(_ value: Int64, at offset: Int, width: Int) {
      let digits = String(value, radix: 8)
      put(String(repeating: "0", count: max(0, width - 1 - digits.utf8.count)) + digits, at: offset, width: width - 1)
    }
    put(name, at: 0, width: 100)
    octal(Int64(mode & 0o7777), at: 100, width: 8)
    octal(Int64(uid), at: 108, width: 8)
    octal(Int64(gid), at: 116, width: 8)
    octal(size, at: 124, width: 12)
    octal(time, at: 136, width: 12)
    put("        ", at: 148, width: 8)
    put(String(type), at: 156, width: 1)
    put(link, at: 157, width: 100)
    put("ustar\u{0}00", at: 257, width: 8)
    if let device {
      octal(Int64(device.0), at: 329, width: 8)
      octal(Int64(device.1), at: 337, width: 8)
    }
    let sum = block.reduce(0) { $0 + Int64($1) }
    octal(sum, at: 148, width: 7)
    block[154] = 0
    block[155] = 0x20
    return block
  }
}
