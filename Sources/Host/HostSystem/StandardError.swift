import Glibc

/// The standard error stream, for messages to the user.
public enum StandardError {
  /// Writes a text. Write errors are ignored: a message that nobody reads must not end the work.
  public static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(STDERR_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
        if count < 0, errno != EINTR { return }
        done += max(count, 0)
      }
    }
  }

  public static func writeLine(_ text: String) { write(text + "\n") }
}
