extension String {
  /// A word of the shell that stands for this text, whatever is in it (POSIX.1-2017, XCU 2.2.2).
  public var quotedForShell: String { "'" + replacing("'", with: "'\\''") + "'" }
}
