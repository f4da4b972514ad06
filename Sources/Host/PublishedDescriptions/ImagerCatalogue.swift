/// A catalogue of images for Raspberry Pi Imager (`os_list`, version 4 of its format).
public struct ImagerCatalogue: Codable, Sendable, Equatable {
  /// Part of a catalogue for Imager itself. Imager needs the devices to filter the list.
  public struct Imager: Codable, Sendable, Equatable {
    public var devices: [Device]
  }

  /// A device in the first question of Imager.
  public struct Device: Codable, Sendable, Equatable {
    public var name: String
    public var description: String
    public var tags: [String]
    public var matchingType: String
    public var architecture: String

    enum CodingKeys: String, CodingKey {
      case name, description, tags, architecture
      case matchingType = "matching_type"
    }
  }

  /// The customisation that Imager offers for an image.
  public enum InitFormat: String, Codable, Sendable, CaseIterable {
    /// One file `rpi-preseed.toml`. Imager 2.0.11 and later.
    case preseed = "rpi-preseed"
    /// The files of cloud-init. Imager 1.7 and later.
    case cloudInit = "cloudinit"
    /// No customisation.
    case none
  }

  /// An image.
  public struct Entry: Codable, Sendable, Equatable {
    public var name: String
    public var description: String
    public var icon: String
    public var url: String
    /// Size of the raw image in bytes.
    public var extractSize: Int64
    /// SHA-256 of the raw image, in hexadecimal.
    public var extractHash: String
    /// Size of the file at ``url`` in bytes.
    public var downloadSize: Int64
    /// SHA-256 of the file at ``url``, in hexadecimal.
    public var downloadHash: String
    /// Date of the release: `2026-12-01`.
    public var releaseDate: String
    public var initFormat: InitFormat
    /// Tags of devices that the image is for.
    public var devices: [String]
    public var architecture: String
    public var capabilities: [String]
    public var website: String?

    enum CodingKeys: String, CodingKey {
      case name, description, icon, url, devices, architecture, capabilities, website
      case extractSize = "extract_size"
      case extractHash = "extract_sha256"
      case downloadSize = "image_download_size"
      case downloadHash = "image_download_sha256"
      case releaseDate = "release_date"
      case initFormat = "init_format"
    }

    public init(
      name: String, description: String, icon: String, url: String, extractSize: Int64, extractHash: String,
      downloadSize: Int64, downloadHash: String, releaseDate: String, initFormat: InitFormat, devices: [String],
      capabilities: [String], website: String?
    ) {
      self.name = name
      self.description = description
      self.icon = icon
      self.url = url
      self.extractSize = extractSize
      self.extractHash = extractHash
      self.downloadSize = downloadSize
      self.downloadHash = downloadHash
      self.releaseDate = releaseDate
      self.initFormat = initFormat
      self.devices = devices
      architecture = "armv8"
      self.capabilities = capabilities
      self.website = website
    }
  }

  public var imager: Imager
  public var entries: [Entry]

  enum CodingKeys: String, CodingKey {
    case imager
    case entries = "os_list"
  }

  private static let devices: [(model: RaspberryPiModel, name: String, description: String)] = [
    (.five, "Raspberry Pi 5", "Raspberry Pi 5, 500 and 500+, Compute Module 5"),
    (.four, "Raspberry Pi 4", "Raspberry Pi 4 Model B, 400, Compute Module 4 and 4S"),
    (.zeroTwo, "Raspberry Pi Zero 2 W", "Raspberry Pi Zero 2 W"),
    (.three, "Raspberry Pi 3", "Raspberry Pi 3 Model A+, B and B+, Compute Module 3 and 3+"),
  ]

  /// Makes a catalogue with the devices that its images are for.
  public init(_ entries: [Entry]) {
    let tags = Set(entries.flatMap(\.devices))
    imager = Imager(
      devices: Self.devices.filter { tags.contains($0.model.imagerTag) }.map {
        Device(
          name: $0.name, description: $0.description, tags: [$0.model.imagerTag], matchingType: "exclusive",
          architecture: "armv8")
      })
    self.entries = entries
  }
}
