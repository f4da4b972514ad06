# make                builds the host tool and the device executable into out/
# make device-arm64   builds the device executable for arm64 (on arm64 it is device-amd64), with `cultivar sdk`
# make demo           makes a real appliance, boots it in QEMU by UEFI and by BIOS, and uses it
# make meter          builds a bundle installer that measures itself, for Benchmarks/bundle-sizes
# make test           runs all tests: unit, build, and boot
# make test-unit      runs only the unit tests
# make build-tests    builds the tests
# make test-long      runs all tests, and those that take hours: all boot loaders and suites, random power cuts, fresh machines
# make lint           checks the formatting
# make packages       installs the Debian packages for `make demo`; test-packages those for `make test`
# make device         builds only the device executable
# make install        installs below PREFIX

MACHINE := $(shell uname -m)
PREFIX ?= /usr/local
OUT := out
TOOL := $(OUT)/bin/cultivar
SANDBOX := $(OUT)/libexec/cultivar/cultivar-sandbox
INSTALLER := $(OUT)/libexec/cultivar/cultivar-installer
DEVICE := $(OUT)/libexec/cultivar/$(MACHINE)/cultivar-device
METER := $(OUT)/libexec/bundle-meter
# The other architecture, by its names in Debian and in Linux. A frozen mirror of Debian needs
# SDK_OPTIONS=--allow-expired-index.
OTHER := $(if $(filter x86_64,$(MACHINE)),arm64,amd64)
OTHER_MACHINE := $(if $(filter x86_64,$(MACHINE)),aarch64,x86_64)
OTHER_DEVICE := $(OUT)/libexec/cultivar/$(OTHER_MACHINE)/cultivar-device
SDK_OPTIONS ?=
# The tool that makes the SDK. Any build of it works.
SDK_TOOL ?= $(TOOL)
# One compilation makes all products: they share their objects, and differ only in the linking (Package.swift).
RELEASE := swift build -c release --static-swift-stdlib -Xlinker -s -debug-info-format none
# SwiftPM finds tests by the index of the modules. An index of system modules as well would take a third of the time.
INDEX_OPTIONS := -Xswiftc -index-ignore-system-modules -Xswiftc -index-ignore-clang-modules
BUILD_TESTS := swift build --build-tests $(INDEX_OPTIONS)
TESTS := CULTIVAR_DEVICE_EXECUTABLES=$(abspath $(OUT)/libexec/cultivar) Scripts/run-tests
SOURCES := Package.swift $(shell find Sources -type f)

# Two builds in one folder would wait for each other.
.NOTPARALLEL:
.PHONY: all demo meter build-tests test test-unit test-long lint install clean packages test-packages device device-$(OTHER)

all: $(TOOL) $(SANDBOX) $(INSTALLER) $(DEVICE)

device: $(DEVICE)

$(TOOL): $(SOURCES)
	$(RELEASE) --product cultivar
	@mkdir -p $(@D)
	Scripts/check-tool .build/release/cultivar
	cp -f .build/release/cultivar $@

$(SANDBOX): $(SOURCES)
	$(RELEASE) --product cultivar-sandbox
	@mkdir -p $(@D)
	cp -f .build/release/cultivar-sandbox $@

$(INSTALLER): $(SOURCES)
	$(RELEASE) --product cultivar-installer
	@mkdir -p $(@D)
	cp -f .build/release/cultivar-installer $@

$(DEVICE): $(SOURCES)
	$(RELEASE) --product cultivar-device
	@mkdir -p $(@D)
	cp -f .build/release/cultivar-device $@

device-$(OTHER): $(OTHER_DEVICE)

# The executable is written for the GNU C library, which the Static Linux SDK does not have. SDKs link everything
# statically by default.
$(OTHER_DEVICE): $(SOURCES) | $(SDK_TOOL)
	$(SDK_TOOL) sdk install $(OTHER) --from-debian $(SDK_OPTIONS)
	$(SDK_TOOL) sdk build $(OTHER) --from-debian --scratch-path .build-device-$(OTHER) -- \
	  -c release -debug-info-format none -Xlinker -s -Xlinker --build-id=none --product cultivar-device
	@mkdir -p $(@D)
	cp -f .build-device-$(OTHER)/release/cultivar-device $@
	Scripts/check-device-executable $@

meter: $(METER)

$(METER): $(SOURCES) $(shell find Benchmarks -name '*.swift')
	$(RELEASE) --product bundle-meter
	@mkdir -p $(@D)
	cp -f .build/release/bundle-meter $@

packages:
	@Scripts/require-packages run

test-packages:
	@Scripts/require-packages run test

demo: packages
	@echo "== compiling Cultivar: the first time takes 5 to 20 minutes"
	@$(MAKE) --no-print-directory all
	@Scripts/demo $(TOOL)

test: test-packages $(DEVICE)
	Scripts/check-device-executable $(DEVICE)
	@$(MAKE) --no-print-directory build-tests
	$(TESTS) unit build boot

build-tests:
	$(BUILD_TESTS)

test-unit: build-tests
	$(TESTS) unit

test-long: test-packages $(DEVICE)
	$(BUILD_TESTS)
	CULTIVAR_TEST_LONG=1 $(TESTS) unit build boot

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Fuzzing examples

install: all
	install -D $(TOOL) $(DESTDIR)$(PREFIX)/bin/cultivar
	install -D $(SANDBOX) $(DESTDIR)$(PREFIX)/$(SANDBOX:$(OUT)/%=%)
	install -D $(INSTALLER) $(DESTDIR)$(PREFIX)/$(INSTALLER:$(OUT)/%=%)
	mkdir -p $(DESTDIR)$(PREFIX)/share/cultivar/layers
	cp -R Layers/. $(DESTDIR)$(PREFIX)/share/cultivar/layers
	for device in $(OUT)/libexec/cultivar/*/cultivar-device; do \
	  install -D $$device $(DESTDIR)$(PREFIX)/$${device#$(OUT)/} || exit; \
	done

clean:
	rm -rf $(OUT) .build .build-device-$(OTHER)
