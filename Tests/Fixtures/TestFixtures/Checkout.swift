import Foundation

/// The checkout that the tests were compiled from.
public enum Checkout {
  /// The folder with `Package.swift`.
  public static let folder = URL(fileURLWithPath: #filePath).appending(path: "../../../..").standardizedFileURL

  /// The built-in layers.
  public static let layers = folder.appending(path: "Layers")
}
