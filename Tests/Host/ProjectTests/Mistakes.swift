extension Mistake {
  /// Mistakes of every kind, each in a separate file.
  static let all = syntax + names + programs + relations + values

  private static let syntax = [
    Mistake(
      "open quote", "cultivar: 1\nname: «\"roof\n", "a quoted text is not closed",
      hint: "end it with the same quote as it begins", schema: false),
    Mistake(
      "tab", "cultivar: 1\nimages:\n«\tstation: {}\n", "a tab cannot indent a line", hint: "use spaces", schema: false),
    Mistake(
      "wrong indentation", "cultivar: 1\nname: roof\n  version«: \"1\"\n", "a ':' is not expected here",
      hint: "check the indentation of this line and of the one above; text with ': ' in it needs quotes", schema: false),
    Mistake(
      "open bracket", "cultivar: 1\nimages: [a, b«", "the list that begins with '[' needs ',' or ']' here",
      hint: "separate its items by ',' and close it with ']'", schema: false),
    Mistake(
      "character that begins no value", "cultivar: 1\nname: «@roof\n", "a value cannot begin with '@'",
      hint: "put the value in quotes", schema: false),
    Mistake(
      "anchor that does not exist", "cultivar: 1\nname: «*roof\n", "no value has this anchor",
      hint: "an anchor (&name) must come before its alias (*name); text that begins with '*' needs quotes",
      schema: false),
    Mistake(
      "second document", "cultivar: 1\n«---\nname: roof\n", "a second document begins here",
      hint: "a project file is one document: remove the line '---'", schema: false),
    Mistake(
      "empty file", "«", "the file is empty", hint: "`cultivar new DIR` makes a project to start from", schema: false),
    Mistake(
      "tag", Sample.project(image: "hostname: «!secret roof"), "the tag !secret has no meaning here",
      hint: "write the value without a tag", schema: false),
    Mistake(
      "merge key", Sample.project(image: "kernel: { «<<: { suite: trixie } }"), "merge keys are not supported",
      hint: "repeat the values, or give the whole value an anchor (&name) and use it as *name", schema: false),
    Mistake(
      "key given twice", Sample.project(image: "hostname: a\n«hostname: b"), "the key 'hostname' is given twice",
      hint: "the first one is on line 9; keep one of them", schema: false),
  ]

  private static let names = [
    Mistake(
      "unknown key", Sample.project(image: "«hostnme: roof"), "unknown key 'hostnme' in image 'station'",
      hint: """
        did you mean 'hostname'? (keys of image: formats, hostname, timezone, files, kernel, loader, network, wifi, clock, management, splash, console, update)
        """),
    Mistake(
      "loader of other machines", Sample.project(image: "«loader: u-boot"), "generic-x86_64 cannot boot with U-Boot",
      hint: "remove 'loader', or write one of: systemd-boot, grub", schema: false),
    Mistake(
      "loader that cannot start the board",
      Sample.project(image: "«loader: grub").replacing("generic-x86_64", with: "raspberry-pi-3"),
      "raspberry-pi-3 cannot boot with GRUB", hint: "remove 'loader', or write one of: u-boot, tryboot", schema: false),
    Mistake(
      "unknown key in a mapping without name",
      Sample.project(programs: "- { executable: ./tool, name: a, limits: { «mem: 64M } }"),
      "unknown key 'mem' in limits of program 'a'",
      hint: "did you mean 'memory'? (keys of limits: memory, cpu, processes)"),
    Mistake(
      "missing key",
      "«cultivar: 1\nimages: { a: { device: generic-x86_64, layout: appliance-ab, programs: [{ executable: ./tool }] } }",
      "project has no 'name'", hint: "add 'name', for example `name: weather-station`"),
    Mistake(
      "key without value", Sample.project(image: "«timezone:"), "'timezone' has no value",
      hint: "add a value, or remove the line"),
    Mistake(
      "wrong name", Sample.project().replacing("name: roof", with: "name: «Roof"), "'Roof' is not a name",
      hint: "use lower-case letters, digits and hyphens, and begin with a letter"),
    Mistake(
      "future format", Sample.project().replacing("cultivar: 1", with: "cultivar: «2"), "2 is out of range",
      hint: "possible: 1"),
    Mistake(
      "unknown device class", Sample.project().replacing("generic-x86_64", with: "«generic-x86-64"),
      "'generic-x86-64' is not a device class",
      hint:
        "did you mean 'generic-x86_64'? (possible: generic-x86_64, generic-arm64, raspberry-pi-3, raspberry-pi-4, raspberry-pi-5, raspberry-pi-zero-2w, raspberry-pi-cm4, raspberry-pi-cm5, raspberry-pi)"
    ),
    Mistake(
      "unknown layout", Sample.project().replacing("appliance-ab", with: "«appliance"),
      "'appliance' is not a layout",
      hint: "did you mean 'appliance-ab'? (possible: appliance-ab, system-ab, system-single)"),
    Mistake(
      "slot smaller than its content",
      Sample.project().replacing("appliance-ab", with: "{ use: system-single, slot: «90% }"),
      "'90%' is not a percentage like 150%",
      hint: "write a whole number of at least 100: 100% is just enough for the root file system"),
    Mistake(
      "mount options in one text",
      Sample.project().replacing(
        "appliance-ab", with: "{ use: appliance-ab, dataMountOptions: [«\"commit=60,noexec\"] }"),
      "'commit=60,noexec' is not a mount option like commit=60", hint: "write one option, with its value after '='"),
    Mistake(
      "unknown format", Sample.project(image: "formats: [bmap, «gz]"), "'gz' is not a format",
      hint: "did you mean 'xz'? (possible: bmap, zstd, xz, qcow2, android-sparse, bundle, root-tar, root-oci, idp)"),
    Mistake(
      "unknown file system", Sample.project().replacing("appliance-ab", with: "{ use: appliance-ab, root: «btrfs }"),
      "'btrfs' is not a file system for slots", hint: "possible: erofs, squashfs, ext4"),
    Mistake(
      "signal with SIG", Sample.project(programs: "- { executable: ./tool, stop: { signal: «SIGTERM } }"),
      "'SIGTERM' is not a signal that ends programs",
      hint: "did you mean 'TERM'? (possible: TERM, INT, QUIT, HUP, USR1, USR2, WINCH, KILL)"),
    Mistake(
      "unknown capability", Sample.project(programs: "- { executable: ./tool, capabilities: [«net_bind] }"),
      "'net_bind' is not a capability", hint: "did you mean 'net_bind_service'?"),
  ]

  private static let programs = [
    Mistake(
      "no source", Sample.project(programs: "- «name: a"),
      "program 'a' needs 'swift', 'cargo', 'go', 'executable' or 'debian'", hint: "give exactly one of them"),
    Mistake(
      "two sources",
      Sample.project(programs: "- executable: ./tool\n  «go: { module: ./gonet }"),
      "'go' and 'executable' cannot both be in program of image 'station'", hint: "keep one of 'executable' and 'go'"),
    Mistake(
      "git without reference",
      Sample.project(programs: "- swift: { «git: \"https://git.example.org/a.git\", product: a }"),
      "swift source of program of image 'station' needs 'tag', 'branch' or 'revision'", hint: "give exactly one of them"
    ),
    Mistake(
      "tag without git", Sample.project(programs: "- swift: { package: ./station, «tag: v1, product: a }"),
      "'tag' has no effect without 'git' in swift source of program of image 'station'",
      hint: "add 'git', or remove 'tag'"),
    Mistake(
      "short commit id",
      Sample.project(programs: "- cargo: { git: \"https://git.example.org/a.git\", revision: «8f3b1f0 }"),
      "'8f3b1f0' is not a full commit id", hint: "write all 40 digits: `git rev-parse` shows them"),
    Mistake(
      "folder without package", Sample.project(programs: "- cargo: { package: «./station }"),
      "'./station' is not a Cargo package: it has no Cargo.toml", hint: "name the folder that holds Cargo.toml",
      schema: false),
    Mistake(
      "missing file", Sample.project(programs: "- executable: «./tol"), "there is no file or folder './tol'",
      hint: "paths are relative to the folder of the project file, /project", schema: false),
    Mistake(
      "folder in place of a file", Sample.project(programs: "- executable: «./conf"), "'./conf' is a folder",
      hint: "name the file in it", schema: false),
    Mistake(
      "reserved name", Sample.project(programs: "- { executable: ./tool, name: «cultivard }"),
      "the name 'cultivard' is reserved for the system",
      hint: "choose another; reserved: init, cultivard, cultivarctl, updater, network, clock, root, nobody",
      schema: false),
    Mistake(
      "reserved user", Sample.project(programs: "- { executable: ./tool, user: «nobody }"),
      "the user name 'nobody' is reserved for the system",
      hint: "choose another; reserved: init, cultivard, cultivarctl, updater, network, clock, nobody", schema: false),
    Mistake(
      "no usable name",
      Sample.project(programs: "- «debian: { packages: [coreutils], executable: \"/usr/bin/[\" }"),
      "the program needs a 'name': its default name, '[', is not allowed",
      hint: "add 'name: …' with lower-case letters, digits and hyphens", schema: false),
    Mistake(
      "supervision of init", Sample.project(programs: "- { executable: ./tool, init: true, «restart: always }"),
      "'restart' has no effect on a program with 'init: true'", hint: "remove it, or remove 'init: true'", schema: false
    ),
    Mistake(
      "number in place of text", Sample.project(programs: "- { executable: ./tool, arguments: [--port, «80] }"),
      "expected text, found the number 80", hint: "put it in quotes: \"80\""),
    Mistake(
      "text in place of a list", Sample.project(programs: "- { executable: ./tool, arguments: «--verbose }"),
      "expected a list, found the text '--verbose'", hint: "write [--verbose]"),
    Mistake(
      "several items as one text", Sample.project(image: "formats: «bmap xz"),
      "expected a list, found the text 'bmap xz'",
      hint: "write [bmap, xz]"),
    Mistake(
      "arguments as one text", Sample.project(programs: "- { executable: ./tool, arguments: «--port 80 }"),
      "expected a list, found the text '--port 80'", hint: "write [--port 80]; for 2 items, [--port, \"80\"]"),
    Mistake(
      "network of an init of its own",
      Sample.project(image: "«network: automatic", programs: "- { executable: ./tool, init: true }"),
      "'network' has no effect in image 'station': its program runs as init, without Cultivar's init",
      hint: "remove it, or remove 'init: true'", schema: false),
    Mistake(
      "variable's name", Sample.project(programs: "- { executable: ./tool, env: { «9LIVES: cat } }"),
      "'9LIVES' is not a variable's name", hint: "use letters, digits and underscores"),
  ]

  private static let relations = [
    Mistake(
      "program given twice", Sample.project(programs: "- executable: ./tool\n- { executable: ./tool, name: «tool }"),
      "two programs are called 'tool' in image 'station'",
      hint: "the other one is on line 8; give one of them another 'name'", schema: false),
    Mistake(
      "init beside another program",
      Sample.project(programs: "- { executable: ./tool, name: a }\n- «{ executable: ./tool, name: b, init: true }"),
      "a program with 'init: true' must be the only program of its image",
      hint: "remove 'init: true', or the other programs: nothing would start them", schema: false),
    Mistake(
      "wait for a program that does not exist",
      Sample.project(programs: "- executable: ./tool\n- { executable: ./tool, name: b, waitFor: [«{ program: tol }] }"),
      "there is no program 'tol' in image 'station'", hint: "did you mean 'tool'? (programs: tool, b)", schema: false),
    Mistake(
      "programs that wait for each other",
      Sample.project(
        programs: """
          - { executable: ./tool, name: a, waitFor: [network, «{ program: b }] }
          - { executable: ./tool, name: b, waitFor: [{ program: c }] }
          - { executable: ./tool, name: c, waitFor: [{ program: a }] }
          """),
      "the programs wait for each other: a → b → c → a",
      hint: "none of them would ever start; remove one of the conditions", schema: false),
    Mistake(
      "wait for a network that never comes",
      Sample.project(image: "network: none", programs: "- { executable: ./tool, waitFor: [«network] }"),
      "the program would never start: image 'station' has no network",
      hint: "remove the condition, or 'network: none'", schema: false),
    Mistake(
      "two files at one path",
      Sample.project(
        image: "files: [{ source: ./motd, path: «/etc/motd }]",
        programs: "- { executable: ./tool, files: [{ source: ./conf, path: /etc/motd }] }"),
      "two files have the path '/etc/motd' in image 'station'",
      hint: "the other one is on line 8; keep one of them", schema: false),
    Mistake(
      "suite of a kernel of one's own", Sample.project(image: "kernel: { path: ./bzImage, «suite: trixie }"),
      "'suite' and 'path' cannot both be in kernel of image 'station'", hint: "keep one of 'path' and 'suite'"),
    Mistake(
      "two gateways of one protocol",
      Sample.project(
        image: """
          network:
            method: fixed
            interfaces: [{ addresses: [192.0.2.7/24], «gateways: [192.0.2.1, 192.0.2.2] }]
          """),
      "interface of fixed network of image 'station' has more than one default gateway for IPv4", hint: "keep one",
      schema: false),
  ]

  private static let values = [
    Mistake(
      "day that no calendar has", Sample.project() + "\nrelease: { expires: «2030-02-30 }",
      "'2030-02-30' is not a calendar day after 1970", hint: nil, schema: false),
    Mistake(
      "notes that cannot be shown", Sample.project() + "\nrelease: { notes: «\"a\\eb\" }",
      "the text is longer than 16384 bytes, or has characters that cannot be displayed", hint: nil,
      schema: false),
    Mistake(
      "port", Sample.project(image: "management: { tokenHash: at-flash, port: «70000 }"), "70000 is out of range",
      hint: "possible: 1 to 65535"),
    Mistake(
      "management without a token", Sample.project(image: "management: «{ port: 8443 }"),
      "management of image 'station' has no 'tokenHash'",
      hint: """
        `cultivar token new` makes a token and prints its hash; or write `at-flash`, and set it for each flash
        """),
    Mistake(
      "method of the network", Sample.project(image: "network: { method: «fixd }"),
      "'fixd' is not a method of the network", hint: "did you mean 'fixed'? (possible: automatic, fixed, none)"),
    Mistake(
      "prefix length",
      Sample.project(image: "network: { method: fixed, interfaces: [{ addresses: [«192.0.2.7/33] }] }"),
      "'192.0.2.7/33' is not an address with prefix length",
      hint: "for example 192.0.2.7/24 or 2001:db8::7/64; the longest prefixes are /32 and /128", schema: false),
    Mistake(
      "address", Sample.project(image: "management: { tokenHash: at-flash, addresses: [«192.0.2.256] }"),
      "'192.0.2.256' is not a numeric address", hint: "for example 192.0.2.1 or 2001:db8::1", schema: false),
    Mistake(
      "size", Sample.project(programs: "- { executable: ./tool, limits: { memory: «64MB } }"),
      "expected a size like 64M, found the text '64MB'", hint: "write a number and a unit of 1024: K, M, G or T"),
    Mistake(
      "small slot", Sample.project().replacing("appliance-ab", with: "{ use: appliance-ab, slot: «8M }"),
      "a slot of 8M is too small", hint: "at least 16M", schema: false),
    Mistake(
      "odd size of a partition",
      Sample.project().replacing("appliance-ab", with: "{ use: appliance-ab, data: «100.5M }"),
      "a partition's size must be a whole number of MiB", hint: "the next larger size is 101M", schema: false),
    Mistake(
      "time without unit", Sample.project(programs: "- { executable: ./tool, stop: { grace: «10 } }"),
      "expected a time like 10s, found the number 10", hint: "write a whole number and a unit: ms, s, m or h"),
    Mistake(
      "percentage", Sample.project(programs: "- { executable: ./tool, limits: { cpu: «half } }"),
      "'half' is not a percentage like 50%", hint: "100% is one processor"),
    Mistake(
      "mode without quotes",
      Sample.project(image: "files: [{ source: ./motd, path: /etc/motd, mode: «0644 }]"),
      "expected a mode like \"0644\", found the number 0644", hint: "put it in quotes: \"0644\""),
    Mistake(
      "relative path in the image", Sample.project(image: "files: [{ source: ./motd, path: «etc/motd }]"),
      "'etc/motd' is not an absolute path", hint: "begin it with '/', and do not end it with '/'"),
    Mistake(
      "path with ..", Sample.project(image: "files: [{ source: ./motd, path: «/etc/../motd }]"),
      "'/etc/../motd' is not a plain path", hint: "write it without '.' and '..'", schema: false),
    Mistake(
      "path of the running system", Sample.project(image: "files: [{ source: ./motd, path: «/run/motd }]"),
      "nothing can be added below /run",
      hint: """
        the running system uses these folders itself: /proc, /sys, /dev, /run, /tmp, /data, /usr/lib/cultivar, \
        /etc/cultivar
        """, schema: false),
    Mistake(
      "yes in place of true", Sample.project(image: "console: { commands: «yes }"),
      "expected true or false, found the text 'yes'", hint: "write true or false"),
  ]
}
