/// The device trees of a slot in one file, from which Cultivar's script for U-Boot loads the one of the board.
///
/// The file begins with an environment, which has a variable for each tree: its name is `tree_` and the name of the tree
/// in U-Boot's variable `fdtfile`, and its value the commands that load the tree. The trees follow. One file is one image
/// of a bundle, and its checksum protects the script from a file that is not complete.
public enum UBootDeviceTrees {
  /// Length of the environment in bytes.
  static let headLength = 8192
  /// Beginning of the variables' names.
  static let prefix = "tree_"
  /// A multiple at which each tree begins. U-Boot reads whole sectors faster.
  private static let alignment = 512

  /// Makes the file.
  ///
  /// - Parameter trees: The trees with their names in `fdtfile`, such as `broadcom/bcm2837-rpi-3-b.dtb`. There is room for
  ///   40 trees with names of this length.
  public static func bytes(_ trees: [(name: String, content: [UInt8])]) -> [UInt8] {
    var (body, variables) = ([UInt8](), [(name: String, value: String)]())
    for tree in trees {
      let (size, place) = (String(tree.content.count, radix: 16), String(headLength + body.count, radix: 16))
      variables.append(
        (
          prefix + tree.name,
          "load ${cultivar_disk} ${fdt_addr_r} ${cultivar_trees} 0x\(size) 0x\(place) && setenv cultivar_tree ${fdt_addr_r}"
        ))
      body += tree.content
      body += [UInt8](repeating: 0, count: (alignment - body.count % alignment) % alignment)
    }
    return UBootEnvironment.bytes(variables, length: headLength) + body
  }
}
