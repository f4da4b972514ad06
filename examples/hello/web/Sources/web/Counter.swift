import Glibc

/// A number on the data partition. It persists across restarts of the program, reboots and updates.
struct Counter {
  private let path: String
  private let temporary: String

  /// The counter in a folder.
  init(folder: String) {
    path = folder + "/counter"
    temporary = path + ".new"
  }

  /// Adds one.
  ///
  /// The new number is written to a temporary file, synced, and then renamed. So a power cut leaves the old number or
  /// the new one.
  ///
  /// - Returns: The new number.
  func increment() throws(SystemError) -> Int {
    let number = read() + 1
    let file = try check(open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644), "create \(temporary)")
    defer { close(file) }
    let text = "\(number)\n"
    try check(text.utf8CString.withUnsafeBytes { write(file, $0.baseAddress, text.utf8.count) }, "write \(temporary)")
    try check(fsync(file), "write \(temporary)")
    try check(rename(temporary, path), "replace \(path)")
    return number
  }

  /// The stored number; 0 if there is none yet.
  private func read() -> Int {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = max(0, Glibc.read(file, &buffer, buffer.count))
    return Int(String(decoding: buffer[..<count], as: UTF8.self).prefix { $0.isNumber }) ?? 0
  }
}
