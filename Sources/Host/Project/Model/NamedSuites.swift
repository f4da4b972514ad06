extension ProjectDefinition {
  /// The position of a Debian suite from which an image takes packages.
  ///
  /// - Returns: The place in the image, else in the project; `nil` where neither names it.
  public func position(ofSuite suite: String, in image: ImageDefinition) -> SourcePosition? {
    if case .debian(_, suite) = image.kernel.source, let position = image.kernel.suitePosition { return position }
    switch image.system?.base {
    case let base? where base.suite == suite: return image.system?.basePosition
    default: return archive.suite == suite ? archive.suitePosition : nil
    }
  }
}
