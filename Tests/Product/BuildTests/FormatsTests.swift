import Foundation
import Hashing
import HostSystem
import TestFixtures
import Testing

@Suite("Formats of an image", .enabled(if: Workshop.isReady, Workshop.condition))
struct FormatsTests {
  private struct Manifest: Decodable {
    struct Artefact: Decodable {
      var name: String
      var format: String
      var sha256: Digest
    }
    var artefacts: [Artefact]
  }

  private func manifest(_ folder: URL) throws -> Manifest {
    try JSONDecoder().decode(
      Manifest.self, from: Data(contentsOf: folder.appending(path: "build/box/manifest.json")))
  }

  private func judge(_ program: String, _ arguments: [String], in folder: URL) throws {
    let verdict = try Judge(program).run(arguments, in: folder, environment: ["LC_ALL": "C.UTF-8"])
    #expect(verdict.status == 0, "\(program): \(verdict.output)\(verdict.errors)")
  }

  @Test("Every requested format is made, listed with its hash, and converts back to the raw image")
  func all() async throws {
    let formats = "formats: [root-oci, bundle, root-tar, android-sparse, qcow2, xz, zstd, bmap]"
    try await Workshop.withProject(image: formats) { folder in
      let image = try Workshop.build(folder)
      let place = image.folder

      let rows = try manifest(folder).artefacts
      #expect(
        rows.map(\.format) == [
          "raw", "contents", "bmap", "zstd", "xz", "qcow2", "android-sparse", "bundle", "root-tar", "root-oci",
        ])
      for row in rows { #expect(try Digest(ofFile: place.appending(path: row.name).path) == row.sha256) }
      try judge("sh", ["-c", "zstd -dc box.img.zst | cmp - box.img && xz -dc box.img.xz | cmp - box.img"], in: place)
      try judge("qemu-img", ["check", "box.qcow2"], in: place)
      try judge("qemu-img", ["compare", "box.img", "box.qcow2"], in: place)
      try judge("sh", ["-c", "simg2img box.simg back && cmp back box.img && rm back"], in: place)
      try judge("bmaptool", ["copy", "box.img", "target"], in: place)
      try judge("cmp", ["target", "box.img"], in: place)
      try judge("sh", ["-c", "tar --zstd -tf root.tar.zst | grep -q programs/hello"], in: place)
      try judge("skopeo", ["inspect", "oci-archive:root.oci.tar"], in: place)
      // The bundle's root file system is the one in the slot, with the hash tree of dm-verity.
      try judge("sh", ["-c", "\"$0\" bundle extract box.bundle slot", Workshop.tool.path], in: place)
      try judge("fsck.erofs", ["slot/root.img"], in: place)
      try judge(
        "sh",
        [
          "-c",
          """
          start=$(sfdisk --json box.img | jq '.partitiontable.partitions[] | select(.name == "root-a") | .start')
          cmp -n $(stat -c %s slot/root.img) -i $((start * 512)):0 box.img slot/root.img
          root=$(/sbin/veritysetup format --salt=- slot/root.img tree | sed -n 's/^Root hash:[[:space:]]*//p')
          "$0" bundle show --json box.bundle | jq -e --arg root "$root" '.images[0].tree == $root'
          """, Workshop.tool.path,
        ], in: place)
      try judge(
        "sh",
        [
          "-c",
          """
          skopeo --insecure-policy copy -q oci-archive:root.oci.tar dir:oci
          test $(ls oci | wc -l) = 4
          """,
        ], in: place)
    }
  }

  @Test("Delta bundles are made for devices with the last releases, and removed with the next release")
  func deltas() async throws {
    let release = "version: VERSION\nrelease: { epoch: 3, minimumVersion: \"1.1\", notes: Quiet. }"
    try await Workshop.withProject(image: "formats: [bundle]", project: release.replacing("VERSION", with: "\"1.0\"")) {
      folder in
      func build(_ version: String, _ more: [String] = []) throws {
        let file = folder.appending(path: "cultivar.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        try text.replacing(/version: "1.."/, with: "version: \"\(version)\"").write(
          to: file, atomically: true, encoding: .utf8)
        let verdict = try Workshop.run(["build", "-q"] + more, in: folder)
        #expect(verdict.status == 0, "\(verdict.errors)")
      }
      for version in ["1.1", "1.2", "1.3"] {
        try build(version)
        try judge("sh", ["-c", "mkdir -p old/\(version) && cp build/box/box.bundle old/\(version)"], in: folder)
      }
      // The release that is built is among those found, and is replaced meanwhile.
      try build("1.4", ["--delta-from", "old", "--delta-from", "build", "--deltas", "2"])
      try judge(
        "sh",
        [
          "-c",
          """
          set -e
          test $(ls build/box/*.from-*.bundle | wc -l) = 2
          for version in 1.2 1.3; do
            key=$("$0" bundle show --json old/$version/box.bundle | jq -r .releaseKey)
            "$0" bundle verify --from old/$version/box.bundle build/box/box.from-$key.bundle
            "$0" bundle show --json build/box/box.from-$key.bundle |
              jq -e '.version == "1.4" and .securityEpoch == 3 and .minimumVersion == "1.1" and .notes == "Quiet."'
            test $(stat -c %s build/box/box.from-$key.bundle) -lt 100000
          done
          jq -e '[.artefacts[] | select(.format == "bundle-delta")] | length == 2' build/box/manifest.json
          """, Workshop.tool.path,
        ], in: folder)
      try build("1.5")
      try judge("sh", ["-c", "! ls build/box/*.from-*.bundle"], in: folder)
    }
  }

  @Test(
    "A delta bundle is made from disk images of the old and new releases, and from no other disk",
    arguments: ["erofs", "squashfs", "ext4"])
  func deltaFromDisk(root: String) async throws {
    try await Workshop.withProject(
      image: "formats: [bundle]\nlayout: { use: appliance-ab, root: \(root) }\nupdate: { trust: ./trust.root }",
      project: "version: \"1.0\""
    ) { folder in
      try Data(ReleaseSigner().rootFile().file).write(to: folder.appending(path: "trust.root"))
      _ = try Workshop.build(folder)
      try FileManager.default.moveItem(at: folder.appending(path: "build/box"), to: folder.appending(path: "old"))
      let file = folder.appending(path: "cultivar.yaml")
      try String(contentsOf: file, encoding: .utf8).replacing("1.0", with: "1.1").write(
        to: file, atomically: true, encoding: .utf8)
      _ = try Workshop.build(folder)
      try judge(
        "sh",
        [
          "-c",
          """
          set -e
          "$0" bundle delta old/box.img build/box/box.bundle -o small.bundle
          "$0" bundle verify --from old/box.bundle small.bundle
          "$0" bundle show --json small.bundle | jq -e '.version == "1.1"'
          test $(stat -c %s small.bundle) -lt 100000
          truncate -s 8M other.img
          echo 'label: gpt
          size=1M, type=U' | sfdisk --quiet other.img
          ! "$0" bundle delta other.img build/box/box.bundle -o none.bundle 2> said
          grep -q 'other.img: the disk has no boot partition or no slot A' said
          head -c 8M old/box.img > part.img
          ! "$0" bundle delta part.img build/box/box.bundle -o none.bundle 2> said
          grep -q 'part.img: slot A has no complete EROFS, squashfs or ext4 file system' said
          case \(root) in
            squashfs)
              ! "$0" bundle delta old/box.bundle build/box/box.img -o none.bundle 2> said
              grep -q 'box.img: cannot identify its release' said ;;
            *)
              "$0" bundle delta old/box.img build/box/box.img -o disks.bundle
              "$0" bundle verify --from old/box.bundle disks.bundle
              "$0" bundle diff small.bundle disks.bundle
              cmp small.bundle disks.bundle ;;
          esac
          test ! -e none.bundle
          """, Workshop.tool.path,
        ], in: folder)
    }
  }

  @Test(
    "A second build gives the same bytes, removes a format that is no longer requested, and writes nothing else")
  func again() async throws {
    try await Workshop.withProject { folder in
      let formats = ["--format", "zstd", "--format", "xz", "--format", "bmap", "--format", "root-oci"]
      #expect(try Workshop.run(["build", "-q"] + formats, in: folder).status == 0)
      let first = try manifest(folder).artefacts.map(\.sha256)
      let image = try BuiltImage(folder.appending(path: "build/box"))
      let stamp = image.stamp()
      try FileManager.default.moveItem(
        at: folder.appending(path: "build"), to: folder.appending(path: "first"))
      // On one processor.
      let tool = Workshop.tool.path
      try judge("taskset", ["-c", "0", tool, "build", "-q"] + formats, in: folder)
      #expect(try manifest(folder).artefacts.map(\.sha256) == first)

      try FileManager.default.removeItem(at: folder.appending(path: "build"))
      try FileManager.default.moveItem(
        at: folder.appending(path: "first"), to: folder.appending(path: "build"))
      #expect(try Workshop.run(["build", "-q", "--format", "bmap"], in: folder).status == 0)

      #expect(image.stamp() == stamp)
      #expect(
        try FolderTree.names(in: image.folder.path).sorted()
          == [".written", "CACHEDIR.TAG", "box.img", "box.img.bmap", "contents.json", "manifest.json"])
    }
  }
}
