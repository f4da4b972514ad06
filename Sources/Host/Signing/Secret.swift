import FoundationEssentials
import Glibc
import HostSystem

/// A passphrase or PIN. It is never shown, and reaches programs by their standard input alone.
public struct Secret: Sendable, CustomStringConvertible, CustomReflectable {
  /// Most bytes of one; OpenSSL reads no longer line.
  public static let mostBytes = 1000
  /// Fewest characters of one for a new key.
  public static let fewestCharacters = 8

  /// The line that a program reads it from.
  let line: [UInt8]

  /// Takes a passphrase.
  ///
  /// - Throws: ``SigningFailure/passphrase(_:)`` where it is empty, too long or has line breaks.
  public init(_ bytes: some Collection<UInt8>) throws(SigningFailure) {
    guard !bytes.isEmpty else { throw .passphrase("it is empty") }
    guard bytes.count <= Self.mostBytes else { throw .passphrase("it has more than \(Self.mostBytes) bytes") }
    guard !bytes.contains(where: { [0, 0x0a, 0x0d].contains($0) }) else {
      throw .passphrase("it is more than one line, or has a zero byte")
    }
    line = Array(bytes) + [0x0a]
  }

  /// Always the same words, wherever it is printed.
  public var description: String { "(secret)" }
  /// Nothing, so that a dump shows nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }

  var characterCount: Int { String(decoding: line, as: UTF8.self).count - 1 }
}

/// Where a passphrase comes from.
public enum PassphraseSource: Sendable {
  /// The first line of a file.
  case file(String)
  /// An environment variable.
  case variable(String)
  /// Somebody at the terminal.
  case terminal

  /// Gets the passphrase.
  ///
  /// - Parameters:
  ///   - what: Whose it is, for the question: `release.key`.
  ///   - isNew: Whether it is for a new key; it must have some length then, and is asked for twice.
  /// - Throws: ``SigningFailure``, `FileFailure`, `CancellationError`.
  public func secret(for what: String, isNew: Bool = false) throws -> Secret {
    let secret: Secret
    switch self {
    case .file(let path):
      let text = try FolderTree.readFile(path)
      let line = text.prefix { $0 != 0x0a }
      guard text.dropFirst(line.count + 1).isEmpty else {
        throw SigningFailure.passphrase("\(path) has more than one line")
      }
      secret = try Secret(line.last == 0x0d ? line.dropLast() : line)
    case .variable(let name):
      guard let value = ProcessInfo.processInfo.environment[name] else { throw SigningFailure.noVariable(name) }
      secret = try Secret(Array(value.utf8))
    case .terminal:
      let prompt = try TerminalPrompt(for: what)
      secret = try Secret(prompt.line(asking: "Passphrase of \(what): "))
      if isNew {
        let again = try prompt.line(asking: "The same once more: ")
        guard try Secret(again).line == secret.line else { throw SigningFailure.passphrasesDiffer }
      }
    }
    if isNew, secret.characterCount < Secret.fewestCharacters {
      throw SigningFailure.passphrase("that of a new key has at least \(Secret.fewestCharacters) characters")
    }
    return secret
  }
}

/// Asks on the controlling terminal, without showing what is typed.
private final class TerminalPrompt {
  private let descriptor: Int32
  private var settings = termios()

  init(for what: String) throws(SigningFailure) {
    descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0, tcgetattr(descriptor, &settings) == 0 else { throw .noTerminal(what) }
  }

  deinit { close(descriptor) }

  func line(asking question: String) throws -> [UInt8] {
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO)
    silent.c_lflag |= tcflag_t(ECHONL)
    tcsetattr(descriptor, TCSAFLUSH, &silent)
    defer { tcsetattr(descriptor, TCSAFLUSH, &settings) }
    _ = Array(question.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    var buffer = [UInt8](repeating: 0, count: Secret.mostBytes + 2)
    while true {
      // A short wait, as Ctrl-C only marks the task as cancelled; the terminal must get its settings back.
      try Task.checkCancellation()
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      return Array(buffer.prefix(max(count, 0)).prefix { $0 != 0x0a })
    }
  }
}
