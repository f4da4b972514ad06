import TestFixtures
import Testing

@testable import Provisioning

/// Files as Raspberry Pi Imager writes them, with all of its questions answered.
private enum Sample {
  static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMeadowBrookLettersAndDigits0123456789abcdef me@laptop"
  static let hash = "$5$pinesalt$Zr7vS1mVd7kX2QbN4tYw9uLc3aHf6gJp0eRiTsKxMo8"
  static let networkKey = "5f2c8d0a19b37e64f0a1c2d3e4b5968778695a4b3c2d1e0f9a8b7c6d5e4f3021"

  static let preseed = """
    config_version = "1.0"

    [system]
    hostname = "orchard"

    [user]
    name = "mia"
    password = "\(hash)"
    password_encrypted = true
    groups = ["sudo"]
    passwordless_sudo = true

    [ssh]
    enabled = true
    password_authentication = false
    authorized_keys = [
      "\(key)",
    ]

    [wlan]
    ssid = "Apple \\"Tree\\" ü"
    password = "\(networkKey)"
    password_encrypted = true
    hidden = false
    country = "AT"

    [locale]
    keymap = "de"
    timezone = "Europe/Vienna"

    [connect]
    enabled = true
    mode = "token"
    token = "rpuak_topsecret"

    [interfaces]
    i2c = true
    serial = "console_hardware"
    """

  static let userData = """
    #cloud-config
    hostname: orchard
    manage_etc_hosts: true
    packages:
    - avahi-daemon
    apt:
      conf: |
        Acquire {
          Check-Date "false";
        };
    timezone: Europe/Vienna
    keyboard:
      model: pc105
      layout: "de"
    enable_ssh: true
    users:
    - name: mia
      groups: users,adm,dialout,gpio,sudo
      shell: /bin/bash
      lock_passwd: false
      passwd: \(hash)
      ssh_authorized_keys:
        - \(key)
      sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_pwauth: true
    rpi:
      interfaces:
        i2c: true
        serial:
          console: true
          hardware: false
    runcmd:
      - [ rfkill, unblock, wifi ]
      - [ sh, -c, "printf '%s\\n' 'rpuak_topsecret' > /home/mia/key" ]
    """

  static let networkConfig = """
    network:
      version: 2
      wifis:
        wlan0:
          dhcp4: true
          regulatory-domain: "AT"
          access-points:
            "Apple \\"Tree\\" ü":
              hidden: true
              password: "\(networkKey)"
          optional: true
    """

  static let metaData = "instance-id: rpi-imager-1764600000000\n"

  static var all: [String: [UInt8]] {
    [
      "rpi-preseed.toml": Array(preseed.utf8), "user-data": Array(userData.utf8),
      "network-config": Array(networkConfig.utf8), "meta-data": Array(metaData.utf8),
    ]
  }
}

@Suite("Values for the first start from Raspberry Pi Imager's files")
struct ProvisioningTests {
  private static let random = Array(UInt8(0)..<16)

  private func provisioning(_ files: [String: String]) -> Provisioning {
    Provisioning(files.mapValues { Array($0.utf8) }, random: Self.random)
  }

  private func preseed(_ text: String) -> Provisioning {
    provisioning(["rpi-preseed.toml": "config_version = \"1.1\"\n\(text)"])
  }

  @Test("rpi-preseed.toml: each value is taken, and what a device cannot do is reported")
  func preseed() {
    let result = provisioning(["rpi-preseed.toml": Sample.preseed])

    let values = result.values
    #expect(values[.hostname] == "orchard")
    #expect(values[.user] == "mia")
    #expect(values[.userPasswordHash] == Sample.hash)
    #expect(values.all(.userGroups) == ["sudo"])
    #expect(values.flag(.passwordlessSudo) == true)
    #expect(values.flag(.ssh) == true)
    #expect(values.flag(.sshPasswords) == false)
    #expect(values.authorizedKeys == [Sample.key])
    #expect(values.wirelessName == Array("Apple \"Tree\" ü".utf8))
    #expect(values[.wifiPassword] == Sample.networkKey)
    #expect(values.wirelessSecurity == .wpaPSK)
    #expect(values[.wifiCountry] == "AT")
    #expect(values[.keymap] == "de")
    #expect(values[.timezone] == "Europe/Vienna")
    #expect(result.files == ["rpi-preseed.toml"])
    #expect(
      result.report.problems == [
        "rpi-preseed.toml: no effect: interfaces.i2c, interfaces.serial: \(Reason.firmware)",
        "rpi-preseed.toml: no effect: connect.enabled: \(Reason.connect)",
      ])
  }

  @Test("cloud-init's files give the same values")
  func cloudInit() {
    let result = provisioning([
      "user-data": Sample.userData, "network-config": Sample.networkConfig, "meta-data": Sample.metaData,
    ])

    let values = result.values
    #expect(values[.hostname] == "orchard")
    #expect(values[.user] == "mia")
    #expect(values[.userPasswordHash] == Sample.hash)
    #expect(values.all(.userGroups) == ["users", "adm", "dialout", "gpio", "sudo"])
    #expect(values.flag(.passwordlessSudo) == true)
    #expect(values.flag(.ssh) == true)
    #expect(values.flag(.sshPasswords) == true)
    #expect(values.authorizedKeys == [Sample.key])
    #expect(values.wirelessName == Array("Apple \"Tree\" ü".utf8))
    #expect(values[.wifiPassword] == Sample.networkKey)
    #expect(values.flag(.wifiHidden) == true)
    #expect(values[.wifiCountry] == "AT")
    #expect(values[.keymap] == "de")
    #expect(values[.keymapModel] == "pc105")
    #expect(values[.timezone] == "Europe/Vienna")
    #expect(result.files == ["user-data", "network-config", "meta-data"])
    #expect(
      result.report.problems == [
        "user-data: no effect: packages, apt: \(Reason.packages)", "user-data: no effect: rpi: \(Reason.firmware)",
        "user-data: no effect: runcmd: \(Reason.commands)",
      ])
  }

  @Test("The report contains no secret, no name of a network and no key")
  func report() {
    let result = Provisioning(Sample.all, random: Self.random)
    let text = (result.report.notes + result.report.problems).joined(separator: "\n")
    for secret in [Sample.hash, Sample.networkKey, "topsecret", "Tree", "AAAA", "mia", "orchard"] {
      #expect(!text.contains(secret), "\(secret)")
    }
    #expect(text.contains("user-data: no effect: hostname, user,"))
  }

  @Test("The values survive the device's records")
  func records() throws {
    let values = Provisioning(Sample.all, random: Self.random).values
    #expect(try FirstBootValues(Array(values.text.utf8)) == values)
  }

  @Test("A password in clear is hashed as crypt(3) does")
  func passwords() {
    #expect(
      PasswordHash.sha512("Hello world!", salt: "saltstring")
        == "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1")
    #expect(
      PasswordHash.sha512("pä ß", salt: "abcdefghijklmnop")
        == "$6$abcdefghijklmnop$Nf1csoUODyQ.03R7CyX8Dar2.Y0Gul4tvtxrsONckjBihQwuNoNn8F7knMy2ddVvQqnd8ZOY.X3RvfYQDACpB1")
    #expect(
      PasswordHash.sha512(String(repeating: "x", count: 100), salt: "ab")
        == "$6$ab$Dl9IhjoQKEbFzT0mHUojnmKfO/iaqCONKYMJae6A6BamPi8p5W8x7BIsEQTkgeX2qGN0TnWVc1L7jgOlphKFW.")
    let values = preseed("[user]\nname = \"mia\"\npassword = \"pä ß\"").values
    #expect(values[.userPasswordHash]?.hasPrefix("$6$./0123456789ABCD$") == true)
  }

  @Test("Fixed addresses are taken from both formats")
  func ethernet() {
    let first = preseed(
      """
      [ethernet]
      method = "static"
      address = "192.0.2.7/24"
      gateway = "192.0.2.1"
      dns = ["192.0.2.53", "2001:db8::53"]
      dns_search = ["example.org"]
      interface = "eth0"
      """)
    let second = provisioning([
      "network-config": """
      version: 2
      ethernets:
        eth0:
          dhcp4: false
          addresses: [192.0.2.7/24]
          routes:
            - to: default
              via: 192.0.2.1
          nameservers:
            addresses: [192.0.2.53, "2001:db8::53"]
            search: [example.org]
      """
    ])
    #expect(first.values == second.values)
    #expect(first.values[.ethernet] == "static")
    #expect(first.values.all(.nameServers) == ["192.0.2.53", "2001:db8::53"])
    #expect(first.report.problems == [] && second.report.problems == [])
  }

  @Test(
    "Networks without a password, with WPA3, and with names that are not text",
    arguments: [
      ("ssid = \"a\"", "open", "a", 0), ("ssid = \"a\"\nkey_mgmt = \"owe\"", "owe", "a", 0),
      ("ssid = \"a\"\nkey_mgmt = \"sae\"\npassword = \"correct horse\"", "sae", "a", 0),
      ("ssid = \"a\"\nkey_mgmt = \"none\"\npassword = \"correct horse\"", "open", "a", 1),
      ("ssid_hex = \"6162\"", "open", "ab", 0),
    ])
  func networks(text: String, security: String, name: String, problems: Int) {
    let result = preseed("[wlan]\n\(text)")
    #expect(result.values.wirelessSecurity.rawValue == security)
    #expect(result.values.wirelessName == Array(name.utf8))
    #expect(result.report.problems.count == problems, "\(result.report.problems)")
  }

  @Test(
    "A protected network whose password or security is refused is not taken, so it never becomes an open one",
    arguments: [
      "key_mgmt = \"sae\"", "key_mgmt = \"wpa-psk\"", "password = \"short\"", "password = 12345678",
      "key_mgmt = \"eap\"\npassword = \"correct horse\"",
      "password = \"Küche2024\"",
      // One digit and full-width digits: 64 bytes, but no key.
      "password = \"1\(String(repeating: "\u{ff11}", count: 21))\"",
    ])
  func protected(text: String) {
    let result = preseed("[wlan]\nssid = \"Attic\"\n\(text)")
    #expect(result.values.wirelessName == nil)
    #expect(result.report.problems.count == 1, "\(result.report.problems)")
  }

  @Test(
    "A network of network-config with a refused password or security is not taken",
    arguments: [
      "password: short", "auth: { key-management: eap, password: correct horse }", "auth: { key-management: psk }",
    ])
  func protectedAccessPoint(text: String) {
    let result = provisioning([
      NetworkConfigReader.fileName: """
      version: 2
      wifis:
        wlan0:
          access-points:
            Attic:
              \(text)
      """
    ])
    #expect(result.values.wirelessName == nil)
    #expect(result.values[.wifiSecurity] == nil)
    #expect(result.report.problems.count == 1, "\(result.report.problems)")
  }

  @Test("A user or network of one file gets no values of another file's")
  func unmixed() {
    let result = provisioning([
      FirstBootValues.fileName: "user=mia\nwifi-ssid=Cafe\n",
      PreseedReader.fileName: """
      config_version = "1.0"
      [user]
      name = "bob"
      passwordless_sudo = true
      [ssh]
      authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWxkLXRlc3QtYnVpbGQtdGVzdC1idWlsZC10ZXN0"]
      [wlan]
      ssid = "home"
      password = "correct horse"
      """,
    ])
    #expect(result.values[.user] == "mia")
    #expect(result.values[.passwordlessSudo] == nil && result.values.authorizedKeys == [])
    #expect(result.values[.wifiName] == "Cafe" && result.values[.wifiPassword] == nil)
  }

  @Test("A file that is too large is not taken, in whichever form", arguments: Provisioning.fileNames)
  func tooLarge(name: String) {
    let result = Provisioning(
      [name: Array("#!/bin/sh\n".utf8) + [UInt8](repeating: 0x0a, count: Provisioning.sizeLimit)],
      random: [UInt8](repeating: 1, count: 16))
    #expect(result.isIncomplete)
  }

  @Test("Kept values are read again, also with a combining mark after the equals sign")
  func readAgain() throws {
    var values = FirstBootValues()
    try values.add("\u{301}x", for: .wifiName)
    #expect(try FirstBootValues(Array(values.text.utf8)) == values)
  }

  @Test("An unknown key is named only if it can be shown")
  func unknownKey() {
    let result = provisioning([FirstBootValues.fileName: "\u{1b}[31mtop=secret\n"])
    #expect(result.report.problems.allSatisfy { !$0.contains("\u{1b}") })
    #expect(!result.report.problems.isEmpty)
  }

  @Test(
    "Values that a key does not take are reported with the key and without the value",
    arguments: [
      ("[system]\nhostname = \"a_b-topsecret\"", "system.hostname"), ("[user]\nname = \"root\"", "user.name"),
      ("[user]\nname = \"m:x\"", "user.name"), ("[user]\npassword = \"topsecret\"", "user.password"),
      ("[user]\nname = \"mia\"\npassword = \"topsecret\"\npassword_encrypted = true", "user.password"),
      ("[user]\nname = 1", "user.name"), ("[wlan]\npassword = \"topsecret\"", "wlan.password"),
      ("[wlan]\nssid = \"a\"\npassword = \"top\"", "wlan.password"),
      ("[locale]\ntimezone = \"../topsecret\"", "locale.timezone"),
      ("[ssh]\nauthorized_keys = [\"topsecret\"]", "ssh.authorized_keys"), ("[wlan]\ncountry = \"at\"", "wlan.country"),
      ("[ethernet]\naddress = \"192.0.2.7/24\"", "ethernet.address"),
      ("[ethernet]\nmethod = \"topsecret\"", "ethernet.method"), ("system = 1", "system"), ("colour = 1", "colour"),
      ("[system]\ncolour = 1", "system.colour"), ("[topsecret\u{7f}x]", "rpi-preseed.toml"),
      ("[packages]\ninstall = [\"vim\"]", "packages.install"), ("[runcmd]\nlate = [\"topsecret\"]", "runcmd.late"),
      ("[boot]\ncmdline_txt = \"topsecret\"", "boot.cmdline_txt"),
    ])
  func problems(text: String, key: String) {
    let result = preseed(text)
    let problems = result.report.problems.joined(separator: "\n")
    #expect(problems.contains(key), "\(problems)")
    #expect(!problems.contains("topsecret"), "\(problems)")
  }

  @Test("Keys that ask for nothing are not reported")
  func nothing() {
    let result = preseed(
      "debug = false\n[packages]\ninstall = []\nupdate = false\n[interfaces]\nspi = false\nserial = \"default\"\n[runcmd]\nlate_retries = 3"
    )
    #expect(result.report.problems == [])
    #expect(result.values.isEmpty)
  }

  @Test(
    "A file that cannot be parsed has no effect, and the others keep theirs",
    arguments: [
      ("rpi-preseed.toml", "config_version = \"2.0\"\n"), ("rpi-preseed.toml", "[system]\nhostname = \"a\"\n"),
      ("rpi-preseed.toml", "config_version = \"1.0\"\n[system\n"), ("user-data", "hostname: &a b\n"),
      ("network-config", "version: 1\nconfig: []\n"), ("meta-data", "- a\n"), ("cultivar.conf", "colour=red\n"),
    ])
  func failures(name: String, text: String) {
    var files = ["cultivar.conf": "hostname=roof\n", "meta-data": "local-hostname: attic\n"]
    files[name] = text
    let result = provisioning(files)
    #expect(result.isIncomplete)
    #expect(result.report.problems.contains { $0.hasPrefix("\(name) has no effect: ") })
    #expect(result.values[.hostname] == (name == "cultivar.conf" ? "attic" : "roof"))
  }

  @Test("cultivar.conf has precedence, and stays on the disk unless it has a secret")
  func ownFile() {
    let plain = provisioning(["cultivar.conf": "hostname=roof\n", "meta-data": "local-hostname: attic.example.org\n"])
    #expect(plain.values[.hostname] == "roof")
    #expect(plain.files == ["meta-data"])
    #expect(plain.report.problems == ["meta-data: no effect: hostname: an earlier file has a value for it"])
    let secret = provisioning(["cultivar.conf": "wifi-ssid=a\nwifi-password=correct horse\n"])
    #expect(secret.files == ["cultivar.conf"])
  }

  @Test("A script, and the templates of Raspberry Pi OS, give no values")
  func templates() {
    let script = provisioning(["user-data": "#!/bin/sh\necho topsecret\n"])
    #expect(script.values.isEmpty && !script.isIncomplete)
    #expect(script.report.problems == ["user-data: no effect: user-data: \(Reason.commands)"])
    let template = provisioning(["user-data": "#cloud-config\n\n# hostname: x\n", "network-config": "# network:\n"])
    #expect(template.values.isEmpty && template.report.problems == [])
  }

  @Test("Damaged files are read to an end, and never give a value that the records do not keep")
  func damage() throws {
    var generator = SeededGenerator(seed: 18)
    let splices = Array("\n \"'[]{}:,#|>&*=.\\-\t\u{0}$".utf8)
    for _ in 0..<400 {
      var files = Sample.all
      for name in files.keys.sorted() {
        guard var bytes = files[name] else { continue }
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
          let place = Int.random(in: 0..<bytes.count, using: &generator)
          switch Int.random(in: 0..<4, using: &generator) {
          case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
          case 1: bytes.remove(at: place)
          case 2: bytes.insert(splices.randomElement(using: &generator) ?? 0, at: place)
          default: bytes.removeSubrange(place..<min(place + 40, bytes.count))
          }
          if bytes.isEmpty { bytes = [0x0a] }
        }
        files[name] = bytes
      }
      let result = Provisioning(files, random: Self.random)
      #expect(try FirstBootValues(Array(result.values.text.utf8)) == result.values)
      for line in result.report.notes + result.report.problems {
        #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "\(line)")
      }
    }
  }
}
