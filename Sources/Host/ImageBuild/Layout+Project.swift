import DeviceModel
import DiskImage
import Project

extension Layout {
  /// The layout of an image.
  init(of image: ImageDefinition) {
    self.init(image.layout.base)
    let device = DeviceClass(image.device)
    scheme = image.layout.scheme ?? device.scheme
    hasBootPerSlot = image.loader == .tryboot
    hasBIOSBoot = device.architecture.hasBIOS
    rootFileSystem = image.layout.rootFileSystem
    if let size = image.layout.bootSize { bootSize = ByteSize(bytes: size) }
    switch image.layout.slotSize {
    case .bytes(let size): slotSize = .fixed(ByteSize(bytes: size))
    case .percent(let percent): slotSize = .percent(percent, minimum: .mebibytes(16))
    case nil: break
    }
    if let size = image.layout.dataSize { dataSize = ByteSize(bytes: size) }
    dataMountOptions += image.layout.dataMountOptions
  }

  /// A built-in layout, unchanged.
  init(_ builtIn: BuiltInLayout) {
    switch builtIn {
    case .applianceAB: self = .applianceAB
    case .systemAB: self = .systemAB
    case .systemSingle: self = .systemSingle
    }
  }
}
