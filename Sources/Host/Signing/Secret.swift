import FoundationEssentials
import Glibc
import HostSystem

/// A passphrase or PIN. It is never printed, and programs get it only on their standard input.
public struct Secret: Sendable, CustomStringConvertible, CustomReflectable {
  /// Maximum length in bytes. OpenSSL reads no longer line.
  public static let mostBytes = 1000
  /// Minimum length in characters for a new key.
  public static let fewestCharacters = 8

  /// The secret with a line break, as programs read it.
  let line: [UInt8]

  /// Checks a passphrase or PIN.
  ///
  /// - Throws: ``SigningFailure/passphrase(_:)`` if it is empty or too long, or has a line break or zero byte.
  public init(_ bytes: some Collection<UInt8>) throws(SigningFailure) {
    guard !bytes.isEmpty else { throw .passphrase("it is empty") }
    guard bytes.count <= Self.mostBytes else { throw .passphrase("it has more than \(Self.mostBytes) bytes") }
    guard !bytes.contains(where: { [0, 0x0a, 0x0d].contains($0) }) else {
      throw .passphrase("it is more than one line, or has a zero byte")
    }
    line = Array(bytes) + [0x0a]
  }

  /// A fixed text, so that the secret is not printed.
  public var description: String { "(secret)" }
  /// An empty mirror, so that a dump does not show the secret.
  public var customMirror: Mirror { Mirror(self, children: []) }

  var characterCount: Int { String(decoding: line, as: UTF8.self).count - 1 }
}

/// The source of a passphrase.
public enum PassphraseSource: Sendable {
  /// The only line of a file.
  case file(String)
  case variable(String)
  /// A prompt on the terminal.
  case terminal

  /// Reads the passphrase.
  ///
  /// - Parameters:
  ///   - what: Name of the key, for the prompt: `release.key`.
  ///   - isNew: True for a new key. The passphrase then has a minimum length, and the terminal asks for it twice.
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
        let again = try prompt.line(asking: "Repeat the passphrase: ")
        guard try Secret(again).line == secret.line else { throw SigningFailure.passphrasesDiffer }
      }
    }
    if isNew, secret.characterCount < Secret.fewestCharacters {
      throw SigningFailure.passphrase("a new key needs at least \(Secret.fewestCharacters) characters")
    }
    return secret
  }
}

/// Prompts on the controlling terminal without echo.
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
      // A short timeout, as Ctrl-C only cancels the task. The terminal's settings must be restored then.
      try Task.checkCancellation()
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      return Array(buffer.prefix(max(count, 0)).prefix { $0 != 0x0a })
    }
  }
}
