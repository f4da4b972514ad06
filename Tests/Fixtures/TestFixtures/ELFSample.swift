/// Makes small ELF files that have only headers.
public struct ELFSample: Sendable {
  /// `e_machine`: 62 for x86-64, 183 for AArch64.
  public var machine: UInt16 = 62
  /// `e_type`: 2 for an executable, 3 for a shared object.
  public var type: UInt16 = 2
  /// `e_entry`.
  public var entry: UInt64 = 0x40_1000
  /// Content of `PT_INTERP`.
  public var interpreter: String?
  /// `DT_NEEDED`.
  public var needed: [String] = []
  /// `DT_RUNPATH`.
  public var runPath: String?

  /// Makes a static executable for x86-64.
  public init() {}

  /// Returns a static executable for a machine.
  public static func executable(machine: UInt16) -> ELFSample {
    var sample = ELFSample()
    sample.machine = machine
    return sample
  }

  /// Returns a dynamic executable for x86-64 that needs libraries.
  public static func dynamic(needing libraries: [String], interpreter: String = "/lib64/ld-linux-x86-64.so.2")
    -> ELFSample
  {
    var sample = ELFSample()
    sample.interpreter = interpreter
    sample.needed = libraries
    return sample
  }

  /// The bytes of the file: header, three program headers, interpreter, string table, dynamic section.
  public var bytes: [UInt8] {
    let headers = 64 + 3 * 56
    let interpreterBytes: [UInt8] = interpreter.map { Array($0.utf8) + [0] } ?? []
    var strings: [UInt8] = [0]
    var entries: [(UInt64, UInt64)] = []
    func place(_ text: String) -> UInt64 {
      defer { strings += Array(text.utf8) + [0] }
      return UInt64(strings.count)
    }
    for name in needed { entries.append((1, place(name))) }
    if let runPath { entries.append((29, place(runPath))) }
    let stringsAt = headers + interpreterBytes.count
    entries += [(5, UInt64(stringsAt)), (0, 0)]
    let dynamicAt = stringsAt + strings.count
    let dynamic = entries.flatMap { little($0.0) + little($0.1) }
    let size = dynamicAt + dynamic.count

    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += little(type) + little(machine) + little(UInt32(1)) + little(entry) + little(UInt64(64)) + little(UInt64(0))
    file += little(UInt32(0)) + little(UInt16(64)) + little(UInt16(56)) + little(UInt16(3)) + [0, 0, 0, 0, 0, 0]
    file += segment(1, at: 0, size: size)
    file += segment(interpreter == nil ? 0 : 3, at: headers, size: interpreterBytes.count)
    file += segment(needed.isEmpty && runPath == nil ? 0 : 2, at: dynamicAt, size: dynamic.count)
    return file + interpreterBytes + strings + dynamic
  }

  private func segment(_ type: UInt32, at offset: Int, size: Int) -> [UInt8] {
    little(type) + little(UInt32(5)) + little(UInt64(offset)) + little(UInt64(offset)) + little(UInt64(offset))
      + little(UInt64(size)) + little(UInt64(size)) + little(UInt64(4096))
  }

  private func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
