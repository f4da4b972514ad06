extension String {
  /// The text quoted as one word for the shell (POSIX.1-2017, XCU 2.2.2).
  public var quotedForShell: String { "'" + replacing("'", with: "'\\''") + "'" }
}
