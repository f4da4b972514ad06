/// The purpose of a partition, as a type ID that firmware, boot loaders and Linux use (UEFI specification, table 5.8,
/// and the Discoverable Partitions Specification).
public struct PartitionType: Hashable, Sendable, Codable {
  public let guid: GUID

  /// Makes a type from any ID.
  public init(_ guid: GUID) {
    self.guid = guid
  }

  /// Makes a type from a literal. A mistyped ID gives ``unused``, which no table accepts.
  private init(known text: String) {
    guid = GUID(text) ?? .zero
  }

  /// An entry without a partition.
  public static let unused = PartitionType(GUID.zero)
  /// EFI system partition.
  public static let efiSystem = PartitionType(known: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
  /// GRUB's core image for BIOS.
  public static let biosBoot = PartitionType(known: "21686148-6449-6e6f-744e-656564454649")
  /// Extended boot loader partition (XBOOTLDR): kernels outside of the EFI system partition.
  public static let extendedBoot = PartitionType(known: "bc13c2ff-59e6-4262-a352-b275fd6f7172")
  /// Root file system of x86-64.
  public static let linuxRootX86_64 = PartitionType(known: "4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
  /// Root file system of arm64.
  public static let linuxRootARM64 = PartitionType(known: "b921b045-1df0-41c3-af44-4c6f280d3fae")
  /// Any Linux file system.
  public static let linuxData = PartitionType(known: "0fc63daf-8483-4772-8e79-3d69d8477de4")
}
