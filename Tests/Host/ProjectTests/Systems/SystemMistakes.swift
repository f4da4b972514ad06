import Foundation
import Testing

@testable import Project

/// A system with one mistake. `«` marks the expected position, in any of its files.
struct SystemMistake: Sendable, CustomTestStringConvertible {
  var name: String
  var sample: SystemSample
  var message: String
  var hint: String?

  var testDescription: String { name }

  init(_ name: String, _ sample: SystemSample, _ message: String, hint: String? = nil) {
    self.name = name
    self.sample = sample
    self.message = message
    self.hint = hint
  }

  /// Makes a mistake in the image.
  init(
    _ name: String, image: String, project: String = "", layers: [String: String]? = nil, _ message: String,
    hint: String? = nil
  ) {
    var sample = SystemSample(project: project, image: image)
    if let layers { sample.layers = layers }
    self.init(name, sample, message, hint: hint)
  }

  /// Makes a mistake in the only layer.
  init(_ name: String, layer: String, files: [String: String] = [:], _ message: String, hint: String? = nil) {
    self.init(name, SystemSample(layers: ["base": layer], files: files), message, hint: hint)
  }

  /// File, line and column of the mark.
  var place: (path: String, line: Int, column: Int)? {
    for (path, text) in sample.texts where text.contains("«") {
      let lines = text.prefix { $0 != "«" }.split(separator: "\n", omittingEmptySubsequences: false)
      return (path, lines.count, (lines.last?.count ?? 0) + 1)
    }
    return nil
  }
}

extension SystemMistake {
  /// Mistakes of every kind.
  static let all = kinds + naming + relations + parts + accounts + declarations + values + secrets + changes

  private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me"

  private static let kinds = [
    SystemMistake(
      "packages as one text", image: "layers: [base]\npackages: «a b", "expected a list, found the text 'a b'",
      hint: "write [a, b]"),
    SystemMistake(
      "units as one text", image: "layers: [base]\nunits: { enable: «a.service }",
      "expected a list, found the text 'a.service'", hint: "write [a.service]"),
    SystemMistake(
      "groups as one text", image: "layers: [base]\nusers: { me: { groups: «\"sudo, adm\" } }",
      "expected a list, found the text 'sudo, adm'", hint: "write [sudo, adm]"),
    SystemMistake(
      "groups as a list", image: "layers: [base]\ngroups: «[gpio, spi]", "expected a mapping, found a list",
      hint: "write { gpio: {}, spi: {} }"),
    SystemMistake(
      "files as one text", image: "layers: [base]\nfiles: «/etc/motd", "expected a list, found the text '/etc/motd'",
      hint: "write the items in brackets, like [first, second], or one per line after '- '"),
    SystemMistake(
      "firmware of a Raspberry Pi", layer: "firmware: { config: [«dtparam=i2c_arm=on] }",
      "'firmware' has no effect in image 'gateway': generic-x86_64 has no config.txt",
      hint: "remove it: only the firmware of a Raspberry Pi reads such lines"),
    SystemMistake(
      "firmware in an override",
      image: "layers: [base]\noverride: { base: { firmware: { config: [«dtparam=i2c_arm=on] } } }",
      "'firmware' has no effect in image 'gateway': generic-x86_64 has no config.txt"),
    SystemMistake(
      "time zone that no layer sets", image: "layers: [base]\n«timezone: Europe/Berlin",
      "'timezone' has no effect in image 'gateway': none of its layers sets the time zone",
      hint: "add the layer 'time-zone', or remove the line"),
    SystemMistake(
      "health without updates", image: "layers: [base]\nhealth: { «web: curl }",
      "the health check 'web' has no effect: image 'gateway' takes no updates",
      hint: "add 'update', or remove the check"),
    SystemMistake(
      "API without updates", image: "layers: [base]\n«management: { tokenHash: at-flash }",
      "system 'gateway' takes no updates, and a system has the management API only for updates",
      hint: "add 'update', or remove 'management'"),
    SystemMistake(
      "key of an appliance", image: "layers: [base]\n«clock: none",
      "'clock' belongs to an appliance, and image 'gateway' is a system",
      hint: "remove it: it is a system because it has 'layers'"),
    SystemMistake(
      "a slot that no system fits", image: "layers: [base]\nlayout: «{ use: appliance-ab, slot: 31M }",
      "a slot of 31M is too small for a system", hint: "at least 32M"),
    SystemMistake(
      "programs in a system", image: "profile: debian-minimal\n«programs: [{ executable: ./tool }]",
      "'programs' belongs to an appliance, and image 'gateway' is a system",
      hint: "remove it: it is a system because it has 'profile'"),
    SystemMistake(
      "key of a system",
      image: "programs: [{ debian: { packages: [busybox], executable: /bin/busybox } }]\n«packages: [nano]",
      "'packages' belongs to a system, and image 'gateway' is an appliance",
      hint: "remove it: it is an appliance because it has 'programs'"),
    SystemMistake(
      "slip in the deciding key", image: "«profil: debian-minimal", "unknown key 'profil' in system 'gateway'"),
    SystemMistake(
      "unknown key", image: "layers: [base]\n«pakages: [nano]", "unknown key 'pakages' in system 'gateway'"),
    SystemMistake(
      "tag outside of variables", image: "layers: [base]\nhostname: «!file name.txt",
      "expected a host name, found the tag !file"),
    SystemMistake(
      "hash without image",
      image: "layers: [base]\nbase: { suite: trixie, «sha256: \(String(repeating: "a", count: 64)) }",
      "'sha256' has no effect without 'image' in base of system 'gateway'", hint: "add 'image', or remove 'sha256'"),
    SystemMistake(
      "base that is not there", image: "layers: [base]\nbase: { image: «./raspios.img }",
      "there is no file or folder './raspios.img'"),
    SystemMistake(
      "suite of an image that is not imported",
      image: "base: { image: ./layers/base/layer.yaml }\nfiles: [{ path: /etc/suite, content: «\"${image.suite}\" }]",
      "the suite of image 'gateway' is not known",
      hint: "texts need it before the import of the base: write 'base: { image: …, suite: … }'"),
  ]

  private static let naming = [
    SystemMistake(
      "unknown profile", image: "profile: «debian-miniml", "there is no profile 'debian-miniml'",
      hint: "did you mean 'debian-minimal'? (profiles: debian-minimal, headless)"),
    SystemMistake(
      "unknown layer", image: "layers: [«openssh-sever]", "there is no layer 'openssh-sever'"),
    SystemMistake(
      "unknown layer in a layer", layer: "requires: [«debian-minimum]", "there is no layer 'debian-minimum'"),
    SystemMistake(
      "path of no layer", image: "layers: [«./layers]", "'./layers' is not a layer: it has no layer.yaml",
      hint: "name the folder that holds layer.yaml"),
    SystemMistake(
      "path that is not there", image: "layers: [«./layer/base]", "there is no layer './layer/base'"),
    SystemMistake(
      "layer's name", image: "layers: [«Base]", "'Base' is not a layer's name or path",
      hint: "write a name, or a path that begins with './'"),
    SystemMistake(
      "git without revision", image: "layers: [base]",
      project: "layers: { sensors: { «git: \"https://git.example.org/a.git\" } }",
      "layer source 'sensors' needs 'tag', 'branch' or 'revision'", hint: "give exactly one of them"),
    SystemMistake(
      "layer that was not fetched", image: "layers: [sensors]",
      project: "layers: { «sensors: { git: \"https://git.example.org/a.git\", tag: v1 } }",
      "the layer 'sensors' has not been fetched", hint: "`cultivar lock` fetches it"),
    SystemMistake(
      "layer without description", SystemSample(layers: [:], files: ["layers/base/layer.yaml": "«cultivar: 1\n"]),
      "layer has no 'description'"),
    SystemMistake(
      "wrong section", layer: "kernel: { arguments: [quiet], «config: [a=b] }",
      "unknown key 'config' in kernel parts of layer"),
  ]

  private static let relations = [
    SystemMistake(
      "circle", image: "layers: [a]",
      layers: ["a": "requires: [«b]", "b": "requires: [c]", "c": "after: [a]"],
      "the order of the layers is circular: a → b → c → a",
      hint: "remove one of the names from 'requires' or 'after'"),
    SystemMistake(
      "layer that requires itself", layer: "requires: [«base]", "the order of the layers is circular: base → base"),
    SystemMistake(
      "conflict", image: "layers: [a, b]", layers: ["a": "packages: [x11]", "b": "conflicts: [«a]"],
      "layer 'b' conflicts with layer 'a'",
      hint: "'b' is there because of image 'gateway', 'a' because of image 'gateway'; drop one"),
    SystemMistake(
      "two of what there is one of", image: "layers: [chrony, timesyncd]",
      layers: ["chrony": "provides: [clock]\nconflicts: [«clock]", "timesyncd": "provides: [clock]"],
      "layer 'chrony' conflicts with layer 'timesyncd'"),
    SystemMistake(
      "nobody provides it", image: "layers: [web]",
      layers: ["web": "requires: [«clock]", "chrony": "provides: [clock]"],
      "layer 'web' requires 'clock', which no layer of the image provides",
      hint: "add one of these to 'layers': chrony"),
    SystemMistake(
      "dropped and required", image: "layers: [web, chrony]\ndrop: [chrony]",
      layers: ["web": "requires: [«chrony]", "chrony": "packages: [chrony]"],
      "layer 'web' requires 'chrony', which is dropped"),
    SystemMistake(
      "dropped for nothing", image: "layers: [base]\ndrop: [«bse]",
      "no layer or profile of the image names the layer 'bse'",
      hint: "did you mean 'base'? (named layers: base)"),
    SystemMistake(
      "two layers of one name", image: "layers: [base, «./other/base]",
      "two layers are called 'base'"),
    SystemMistake(
      "two versions", image: "layers: [a, b]", layers: ["a": "packages: [curl=1.0-1]", "b": "packages: [curl=2.0-1]"],
      "layer 'b' needs version 2.0-1 of the package 'curl', but layer 'a' needs 1.0-1",
      hint: "remove one of the two with 'override'"),
    SystemMistake(
      "excluded and installed", image: "layers: [a, b]",
      layers: ["a": "packages: { exclude: [nano] }", "b": "packages: [nano]"],
      "layer 'b' installs the package 'nano', which layer 'a' excludes"),
    SystemMistake(
      "user of two layers", image: "layers: [a, b]",
      layers: ["a": "users: { admin: {} }", "b": "users: { «admin: {} }"],
      "layers 'a' and 'b' both have a user 'admin'"),
  ].map { mistake in
    var mistake = mistake
    if mistake.name == "two layers of one name" {
      mistake.sample.files["other/base/layer.yaml"] = SystemSample.head
    }
    // Without a mark, the layer as a whole is reported.
    if ["two versions", "excluded and installed"].contains(mistake.name) {
      mistake.sample.files["layers/b/layer.yaml"] = nil
    }
    return mistake
  }

  private static let accounts = [
    SystemMistake(
      "number of root", layer: "users: { «me: { uid: 0 } }",
      "the user 'me' cannot have the number 0, which belongs to root",
      hint: "choose another number: 100 to 999 for the system's own accounts, 1000 to 59999 for people"),
    SystemMistake(
      "number of nobody", layer: "groups: { «me: { gid: 65534 } }",
      "the group 'me' cannot have the number 65534, which belongs to nobody and nogroup"),
    SystemMistake(
      "number that systemd gives", layer: "users: { «me: { uid: 61184 } }",
      "the user 'me' cannot have the number 61184, which systemd assigns to services"),
    SystemMistake(
      "number that stands for none", layer: "users: { «me: { uid: 65535 } }",
      "the user 'me' cannot have the number 65535, which the kernel reserves for its own use"),
    SystemMistake(
      "two users with one number", layer: "users: { me: { uid: 1000 }, «you: { uid: 1000 } }",
      "the users 'me' and 'you' both have the number 1000",
      hint: "the other one is in base/layer.yaml, line 3; give one of them another number"),
    SystemMistake(
      "one group with two numbers", image: "layers: [base, two]",
      layers: ["base": "groups: { me: { gid: 900 } }", "two": "groups: { «me: { gid: 901 } }"],
      "the group 'me' has the number 901 here, and 900 elsewhere",
      hint: "the other one is in base/layer.yaml, line 3; keep one of the numbers"),
    SystemMistake(
      "keys in a home that does not last",
      layer: "users: { me: { home: «/run/me, authorizedKeys: [\"\(key)\"] } }",
      "the home /run/me of the user 'me' cannot store authorizedKeys",
      hint: "choose a home in the root file system, like /home/me"),
    SystemMistake(
      "relative home", layer: "users: { me: { home: «me } }", "'me' is not an absolute path",
      hint: "begin it with '/', and do not end it with '/'"),
    SystemMistake(
      "shell that is no path", layer: "users: { me: { shell: «zsh } }", "'zsh' is not an absolute path",
      hint: "begin it with '/', and do not end it with '/'"),
  ]

  private static let parts = [
    SystemMistake(
      "password in a repository's URL",
      layer: """
        repositories:
          a: { url: «"https://me:s3cret@packages.example.org/debian", suites: [./], key: ./k.asc }
        """,
      files: ["layers/base/k.asc": "key"],
      "the URL contains a user name or password, which would be stored in the lock file and in the image",
      hint: "remove it, and put it in a file in /etc/apt/auth.conf.d on the build host (apt_auth.conf(5))"),
    SystemMistake(
      "package's name", layer: "packages: [«Nano]", "'Nano' is not a package", hint: "write name or name=version"),
    SystemMistake(
      "unit's name", layer: "units: { enable: [«ssh] }", "'ssh' is not a systemd unit",
      hint: "write its full name, like ssh.service"),
    SystemMistake(
      "mode as a number", layer: "files: [{ path: /etc/a, content: a, mode: «0640 }]",
      "expected a mode like \"0644\", found the number 0640", hint: "put it in quotes: \"0640\""),
    SystemMistake(
      "file at a path of the running system", layer: "files: [{ path: «/run/a, content: a }]",
      "nothing can be added below /run"),
    SystemMistake(
      "file with two contents", layer: "files: [{ path: /etc/a, content: a, «link: b }]",
      "'link' and 'content' cannot both be in system file of layer"),
    SystemMistake(
      "file without content", layer: "files: [«{ path: /etc/a, owner: adm }]", "layer 'base' has no 'files/etc/a'"),
    SystemMistake(
      "two files at one path", layer: "files: [{ path: /etc/a, content: a }, { path: «/etc/a, content: b }]",
      "two files have the path '/etc/a' in layer"),
    SystemMistake(
      "phase", layer: "steps: { a: { phase: «pakages, run: true } }".replacing("true", with: "\"true\""),
      "'pakages' is not a phase",
      hint: "did you mean 'packages'? (possible: setup, essential, packages, last, image)"),
    SystemMistake(
      "step in a root that is empty", layer: "steps: { a: { phase: setup, «in: root, run: ls } }",
      "step 'a' cannot run inside the root in the phase setup",
      hint: "the root is still empty in this phase; write 'in: sandbox'"),
    SystemMistake(
      "script without its run bit", layer: "steps: { a: { script: «./steps/a } }",
      files: ["layers/base/steps/a": "#!/bin/sh\n"],
      "the script 'a' is not executable"),
    SystemMistake(
      "script that no step runs",
      SystemSample(
        layers: [:],
        files: [
          "layers/base/layer.yaml": "«cultivar: 1\ndescription: A layer\n", "layers/base/steps/a": "#!/bin/sh\n",
        ]), "no step runs the script 'steps/a' of layer 'base'"),
    SystemMistake(
      "backup as a step", layer: "steps: { a: { script: «./steps/a.orig } }", files: ["layers/base/steps/a.orig": ""],
      "'a.orig' has the name of a backup file, and cannot be a step", hint: "name the script itself"),
    SystemMistake(
      "step with nothing to run", layer: "steps: { a: «{ phase: last } }", "step 'a' needs 'run' or 'script'",
      hint: "give exactly one of them"),
    SystemMistake(
      "repository without key", layer: "repositories: { a: «{ url: \"https://example.org/debian\", suites: [b] } }",
      "repository 'a' has no 'key'"),
    SystemMistake(
      "all of /var persists", layer: "state: { persist: [«/var] }",
      "/var cannot persist: it contains the package database, which belongs to the root file system",
      hint: "name the folders that the programs write to, like /var/lib/NAME"),
    SystemMistake(
      "a part of /usr persists", layer: "state: { persist: [{ path: «/usr/lib/tool }] }",
      "/usr/lib/tool cannot persist: an update replaces /usr",
      hint: "name the folders that the programs write to, like /var/lib/NAME"),
    SystemMistake(
      "the machine id persists", layer: "state: { persist: [«/etc/machine-id] }",
      "/etc/machine-id cannot persist: the device keeps its machine id anyway",
      hint: "name the folders that the programs write to, like /var/lib/NAME"),
    SystemMistake(
      "another root", layer: "kernel: { arguments: [quiet, «root=/dev/sda1] }", "a project cannot set 'root='",
      hint:
        "remove it: the device finds the root file system of its slot itself, and starts its own init"
    ),
    SystemMistake(
      "a trial without end", layer: "kernel: { arguments: [«cultivar.trial] }",
      "a project cannot set 'cultivar.trial'", hint: "remove it: the boot loader sets it at each start"),
    SystemMistake(
      "another init", layer: "kernel: { arguments: [«init=/bin/sh] }", "a project cannot set 'init='",
      hint:
        "remove it: the device finds the root file system of its slot itself, and starts its own init"
    ),
    SystemMistake(
      "rule of updates", layer: "state: { persist: [{ path: /etc/a, onUpdate: «merg }] }",
      "'merg' is not an update rule", hint: "did you mean 'merge'? (possible: keep, refresh, merge)"),
  ]

  private static let declarations = [
    SystemMistake(
      "unknown type", layer: "variables: { a: { type: «int, description: A } }", "'int' is not a variable type"),
    SystemMistake(
      "range of a text", layer: "variables: { a: { description: A, default: b, «minimum: 1 } }",
      "'minimum' has no meaning for a variable of type string", hint: "it is for the types integer, size, duration"),
    SystemMistake(
      "enumeration without words", layer: "variables: { a: «{ type: enumeration, description: A } }",
      "variable 'a' has no 'values'"),
    SystemMistake(
      "default out of range", layer: "variables: { a: { type: integer, description: A, maximum: 9, default: «10 } }",
      "10 is out of range", hint: "possible: \(Int.min) to 9"),
    SystemMistake(
      "default of a secret", layer: "variables: { a: { type: secret, description: A, «default: b } }",
      "a secret cannot have a default"),
    SystemMistake(
      "pattern", layer: "variables: { a: { description: A, default: b, pattern: «\"[\" } }",
      "'[' is not a regular expression", hint: "check its brackets"),
    SystemMistake(
      "empty range",
      layer: "variables: { a: { type: integer, description: A, «minimum: 9, maximum: 1, default: 5 } }",
      "the minimum of variable 'a' is larger than the maximum", hint: "swap 'minimum' and 'maximum'"),
  ]

  private static func variable(_ declaration: String, value: String) -> SystemSample {
    SystemSample(
      image: "layers: [base]\nvariables: { base.a: \(value) }",
      layers: ["base": "variables: { a: { description: A, \(declaration) } }"])
  }

  private static let values = [
    SystemMistake("integer", variable("type: integer, minimum: 1, maximum: 9", value: "«10"), "10 is out of range"),
    SystemMistake(
      "boolean", variable("type: boolean", value: "«maybe"), "expected true or false, found the text 'maybe'"),
    SystemMistake(
      "enumeration", variable("type: enumeration, values: [quiet, verbose]", value: "«quite"),
      "'quite' is not a value of 'a'", hint: "did you mean 'quiet'? (possible: quiet, verbose)"),
    SystemMistake(
      "size", variable("type: size, minimum: 8M", value: "«4M"), "4M is out of range", hint: "at least 8M"),
    SystemMistake("duration", variable("type: duration", value: "«ten"), "'ten' is not a time like 10s"),
    SystemMistake("path", variable("type: path", value: "«etc/a"), "'etc/a' is not an absolute path"),
    SystemMistake(
      "pattern of a text", variable("pattern: \"[a-z]+\"", value: "«a1"), "'a1' is not a value of 'a'",
      hint: "it must match [a-z]+"),
    SystemMistake(
      "pattern of an entry", variable("type: list, pattern: \"[a-z]+\"", value: "[b, «a1]"),
      "'a1' is not a value of 'a'"),
    SystemMistake(
      "list", variable("type: list", value: "«b"), "expected a list, found the text 'b'", hint: "write [b]"),
    SystemMistake(
      "unknown variable", image: "layers: [openssh-server]\nvariables: { «openssh-server.prot: 1 }",
      "layer 'openssh-server' has no variable 'prot'",
      hint: "did you mean 'port'? (variables: authorized-keys, port, passwords)"),
    SystemMistake(
      "variable of an unknown layer", image: "layers: [base]\nvariables: { «bse.a: 1 }",
      "image 'gateway' has no layer 'bse'"),
    SystemMistake(
      "variable that nobody declared",
      layer: "packages: [«\"linux-${kind}\"]\nvariables: { king: { description: A, default: b } }",
      "there is no variable 'kind' in layer 'base'", hint: "did you mean 'king'? (variables: king)"),
    SystemMistake(
      "text that is wrong once it is filled in",
      layer: "packages: [«\"linux-${kind}\"]\nvariables: { kind: { description: A, default: B } }",
      "'linux-B' is not a package"),
    SystemMistake(
      "dollar sign that begins no variable", layer: "packages: [«\"linux-${kind\"]", "'${kind' is not a variable"),
    SystemMistake(
      "template", layer: "files: [{ path: /etc/a, template: true }]",
      files: ["layers/base/files/etc/a": "one\ntwo «${thre}\n"],
      "there is no variable 'thre' in layer 'base'"),
    SystemMistake(
      "list in the middle of a path",
      layer:
        "files: [{ path: «\"/etc/${a}\", content: b }]\nvariables: { a: { type: list, description: A, default: [b] } }",
      "the list 'a' cannot be part of an absolute path"),
    SystemMistake(
      "file of a value", variable("type: list", value: "«!file keys.pub"), "the file 'keys.pub' cannot be read as text"),
  ]

  private static func secret(_ layer: String) -> SystemSample {
    SystemSample(
      image: "layers: [base]\nvariables: { base.key: !file key.txt }",
      layers: [
        "base": "variables: { key: { type: secret, description: A }, open: { description: B, default: c } }\n\(layer)"
      ],
      files: ["key.txt": "tops3cret\n"])
  }

  private static let secrets = [
    SystemMistake(
      "secret in a package's name", secret("packages: [«\"a${key}\"]"), "the secret 'key' cannot be part of a package"),
    SystemMistake(
      "secret in a unit's name", secret("units: { mask: [«\"a${key}.service\"] }"),
      "the secret 'key' cannot be part of a systemd unit"),
    SystemMistake(
      "secret on the kernel command line", secret("kernel: { arguments: [«\"a=${key}\"] }"),
      "the secret 'key' cannot be part of one part of a kernel command line"),
    SystemMistake(
      "secret in a path", secret("files: [{ path: «\"/etc/${key}\", content: a }]"),
      "the secret 'key' cannot be part of an absolute path"),
    SystemMistake(
      "secret in the environment", secret("steps: { a: { run: ls, env: { KEY: «\"${key}\" } } }"),
      "the secret 'key' cannot be part of text"),
    SystemMistake(
      "no secret", secret("steps: { a: { run: ls, secrets: [«open] } }"), "the variable 'open' is not a secret",
      hint: "remove it: the step has it as ${VAR_OPEN}"),
    SystemMistake(
      "password in clear", layer: "users: { admin: { password: «tops3cret } }", "this is not a hashed password"),
    SystemMistake(
      "environment without the secret", image: "layers: [base]\nvariables: { base.key: «!env WIFI_KEY }",
      layers: ["base": "variables: { key: { type: secret, description: A } }"],
      "the environment has no variable 'WIFI_KEY'"),
  ]

  private static let changes = [
    SystemMistake(
      "override of a layer that is not there", image: "layers: [base]\noverride: { «bse: { packages: [nano] } }",
      "image 'gateway' has no layer 'bse'", hint: "did you mean 'base'? (layers of the image: base)"),
    SystemMistake(
      "removal of what is not there",
      image: "layers: [openssh-server]\noverride: { openssh-server: { remove: { steps: [«delete-keys] } } }",
      "layer 'openssh-server' has no step 'delete-keys'"),
    SystemMistake(
      "removal of a kind that is not there",
      image: "layers: [base]\noverride: { base: { remove: { «package: [systemd] } } }",
      "unknown key 'package' in removal of override 'base'"),
    SystemMistake(
      "override of no layer at all", image: "layers: [base]", project: "override: { «bsae: { packages: [nano] } }",
      "image 'gateway' has no layer 'bsae'"),
  ]
}
