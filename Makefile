# berth: `make demo` shows it, `make check` proves it, `make install` puts it in place. One Makefile, no recursion: each
# floor of the house (ARCHITECTURE.md) is a folder, a static library and a unit test program.

PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
CXX      ?= g++
VERSION  := 0.1.0
LIBEXEC  := $(PREFIX)/libexec/berth

FLOORS   := base runtime image network healthcheck container builder
FOLDERS  := $(FLOORS) cli
# Lower floors last: the order in which a static linker wants them.
LIBS_OF_BERTH   := cli builder container network healthcheck image runtime base
LIBS_OF_MONITOR := container network healthcheck image runtime base
LIBS_OF_OCI     := oci cli runtime base

# g++ 12: -Wmaybe-uninitialized reports the inactive members of every optional and variant, -Wrestrict inlined assignments of
# literals to strings (gcc bug 105651).
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wno-maybe-uninitialized -Wno-restrict -Werror
OPTIMIZE ?= -O2
CXXFLAGS_ALL := -std=c++20 $(OPTIMIZE) -g1 -I. -MMD -MP -ffunction-sections -fdata-sections -fstack-protector-strong \
	-D_GNU_SOURCE -DBERTH_VERSION='"$(VERSION)"' $(CXXFLAGS)
# Static and at a fixed address: nothing is relocated or looked up at a start, so that it costs 1 ms and no private page.
LINK_STATIC  := -static -no-pie -Wl,--gc-sections -Wl,-z,noexecstack
# berth-oci begins before libc does (runtime/init/entry.cpp).
LINK_OCI     := -Wl,-e,berth_entry -Wl,-u,berth_entry
ARCHIVES     := -lseccomp -lcap -lnl-route-3 -lnl-3 -lyajl_s -lyaml -lcrypto -lzstd -lz
LINK_DYNAMIC := -Wl,--gc-sections
# Criterion finds tests by their section, which nothing refers to: collected, they would all be gone.
LINK_UNIT    :=
ifdef SAN
  CXXFLAGS_ALL += -fsanitize=address,undefined -fno-omit-frame-pointer
  LINK_STATIC  := -fsanitize=address,undefined -Wl,--gc-sections
  LINK_DYNAMIC += -fsanitize=address,undefined
  LINK_UNIT    := -fsanitize=address,undefined
  LINK_OCI     :=
endif

# A floor's folder and its subfolders; cli/oci, runc's command line, is a library of its own.
sources = $(filter-out %_main.cpp cli/oci/%,$(wildcard $(1)/*.cpp $(1)/*/*.cpp))
sources_of_oci = $(wildcard cli/oci/*.cpp)
objects = $(patsubst %.cpp,$(BUILD)/obj/%.o,$(1))
libs    = $(foreach f,$(1),$(BUILD)/lib/lib$(f).a)

PROGRAMS := $(BUILD)/bin/berth $(BUILD)/bin/berth-oci $(BUILD)/libexec/berth-monitor $(BUILD)/libexec/berth-unpack \
	$(BUILD)/libexec/berth-registry $(BUILD)/libexec/berth-fetch

.PHONY: always all deps install uninstall check check-unit check-e2e check-long check-vm check-fresh check-deb man deb demo bench clean
all: $(PROGRAMS)

# --- compiling: one rule, flags by folder ------------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS_ALL) $(WARNINGS) $(FLAGS_$(firstword $(subst /, ,$*))) $(FLAGS_INIT) -c $< -o $@
$(foreach f,$(FLOORS),$(eval FLAGS_$(f) := -fno-exceptions))
# One object knows where the helpers are installed; it is made again when that changes.
$(BUILD)/obj/base/helper.o: FLAGS_base += -DBERTH_LIBEXEC='"$(LIBEXEC)"'
$(BUILD)/obj/base/helper.o: $(BUILD)/libexec-folder
$(BUILD)/libexec-folder: always
	@mkdir -p $(@D)
	@echo '$(LIBEXEC)' | cmp -s - $@ || echo '$(LIBEXEC)' > $@
# libnl keeps its headers in a folder of its own (pkg-config --cflags libnl-3.0).
FLAGS_network += -isystem /usr/include/libnl3
# Between clone and exec nothing may call into a library, so no stack protector, no sanitizer (STYLE.md "Between clone and exec").
$(BUILD)/obj/runtime/init/%.o: FLAGS_INIT := -fno-stack-protector -fno-sanitize=all -fno-exceptions -fno-rtti
# Before libc: not even a loop that the compiler would turn into a call of strlen or memset.
$(BUILD)/obj/runtime/init/entry.o: FLAGS_INIT += -ffreestanding -fno-tree-loop-distribute-patterns

$(foreach f,$(FOLDERS),$(eval $(BUILD)/lib/lib$(f).a: $(call objects,$(call sources,$(f)))))
$(BUILD)/lib/liboci.a: $(call objects,$(sources_of_oci))
$(BUILD)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

# --- linking -----------------------------------------------------------------------------------------------------------
$(BUILD)/bin/berth: $(call objects,cli/berth_main.cpp) $(call libs,$(LIBS_OF_BERTH))
	@mkdir -p $(@D)
	$(CXX) $(LINK_STATIC) $(call objects,cli/berth_main.cpp) -Wl,--start-group $(call libs,$(LIBS_OF_BERTH)) -Wl,--end-group $(ARCHIVES) -o $@
$(BUILD)/bin/berth-oci: $(call objects,cli/oci_main.cpp) $(call libs,$(LIBS_OF_OCI))
	@mkdir -p $(@D)
	$(CXX) $(LINK_STATIC) $(LINK_OCI) $(call objects,cli/oci_main.cpp) -Wl,--start-group $(call libs,$(LIBS_OF_OCI)) -Wl,--end-group $(ARCHIVES) -o $@
$(BUILD)/libexec/berth-monitor: $(call objects,container/monitor_main.cpp) $(call libs,$(LIBS_OF_MONITOR))
	@mkdir -p $(@D)
	$(CXX) $(LINK_STATIC) $< -Wl,--start-group $(call libs,$(LIBS_OF_MONITOR)) -Wl,--end-group $(ARCHIVES) -o $@
# Foreign archives and compressions: a program of its own, so that its libraries cost a start nothing and its parsers run apart.
$(BUILD)/libexec/berth-unpack: $(call objects,image/unpack_main.cpp) $(call libs,image base)
	@mkdir -p $(@D)
	$(CXX) $(LINK_DYNAMIC) $^ -larchive -lyajl -lcrypto -lzstd -lz -o $@

# Registries: HTTP, TLS and fast compression, for the commands that need one.
$(BUILD)/libexec/berth-registry: $(call objects,image/registry_main.cpp) $(call libs,image base)
	@mkdir -p $(@D)
	$(CXX) $(LINK_DYNAMIC) $^ -lcurl -lisal -lyajl -lcrypto -lzstd -lz -o $@

# ADD of a URL: the same HTTP, nothing else.
$(BUILD)/libexec/berth-fetch: $(call objects,builder/fetch_main.cpp) $(call libs,image base)
	@mkdir -p $(@D)
	$(CXX) $(LINK_DYNAMIC) $^ -lcurl -lisal -lyajl -lcrypto -lzstd -lz -o $@

# --- unit tests: build/unit/FOLDER, one program a folder ---------------------------------------------------------------
# Criterion's macros trip -Wpedantic and friends, and its assertions throw nothing we must not catch.
$(BUILD)/obj/tests/unit/%.o: WARNINGS := -Wall -Wextra -Wno-maybe-uninitialized -Werror
LIBS_OF_UNIT_base        := base
LIBS_OF_UNIT_runtime     := runtime base
LIBS_OF_UNIT_image       := image base
LIBS_OF_UNIT_network     := network base
LIBS_OF_UNIT_healthcheck := healthcheck base
# The registry client is part of image/, but only berth-registry and its tests link what it needs.
LINK_UNIT_image          := -lcurl -lisal
LIBS_OF_UNIT_container   := container network healthcheck image runtime base
LIBS_OF_UNIT_builder     := builder $(LIBS_OF_UNIT_container)
LIBS_OF_UNIT_cli         := cli $(LIBS_OF_UNIT_builder)
define unit_rule
$(BUILD)/unit/$(1): $(call objects,tests/unit/support.cpp $(wildcard tests/unit/$(1)/*.cpp)) $(call libs,$(LIBS_OF_UNIT_$(1)))
	@mkdir -p $$(@D)
	$(CXX) $(LINK_UNIT) $(call objects,tests/unit/support.cpp $(wildcard tests/unit/$(1)/*.cpp)) -Wl,--start-group $(call libs,$(LIBS_OF_UNIT_$(1))) -Wl,--end-group $(ARCHIVES) $(LINK_UNIT_$(1)) -lcriterion -o $$@
endef
UNIT_FOLDERS := $(foreach f,$(FOLDERS),$(if $(wildcard tests/unit/$(f)/*.cpp),$(f)))
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit_rule,$(f))))
UNIT_PROGRAMS := $(foreach f,$(UNIT_FOLDERS),$(BUILD)/unit/$(f))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- the commands of the README ----------------------------------------------------------------------------------------
deps:
	tools/install-deps

check-unit: $(UNIT_PROGRAMS)
	tools/check-floors $(BUILD)
	tools/run-unit $(UNIT_PROGRAMS)

check-e2e: all
	tests/e2e/run $(BUILD)

check: deps
	$(MAKE) -j$(shell nproc) all check-unit
	tests/e2e/run $(BUILD)

# What grows with patience, for a night.
check-long:
	BERTH_LONG=1 BERTH_FUZZ=100 BERTH_SLOWNESS=8 $(MAKE) check

# On a host with pure cgroup v2 and systemd, booted by qemu (tests/vm/run).
check-vm: all
	tests/vm/run $(BUILD)

# On a Debian 12 that has nothing yet (tests/fresh).
check-fresh:
	tests/fresh

demo: deps
	examples/demo

bench: all
	bench/run $(BUILD)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(PREFIX)/share/man/man1
	install -s -m 755 $(BUILD)/bin/berth $(BUILD)/bin/berth-oci $(DESTDIR)$(PREFIX)/bin/
	install -s -m 755 $(BUILD)/libexec/* $(DESTDIR)$(LIBEXEC)/
	install -m 644 $(wildcard man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1/
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 $(wildcard man/*.5)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 $(wildcard man/*.8)
	install -D -m 644 completion/berth.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/berth
	install -D -m 644 completion/_berth $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_berth
	install -D -m 644 completion/berth.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/berth.fish

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/berth $(DESTDIR)$(PREFIX)/bin/berth-oci $(patsubst man/%,$(DESTDIR)$(PREFIX)/share/man/man1/%,$(wildcard man/*.1))
	rm -rf $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(PREFIX)/share/man/man5/berth.toml.5 $(DESTDIR)$(PREFIX)/share/man/man8/berth-oci.8
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/berth $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_berth \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/berth.fish

# Man pages and completion scripts come from the table of commands; they are kept so that nothing has to run to install.
man: $(BUILD)/bin/berth $(BUILD)/bin/berth-oci
	rm -f man/*.[158]
	$(BUILD)/bin/berth __man man
	man/make-oci-page $(BUILD)/bin/berth-oci > man/berth-oci.8
	$(BUILD)/bin/berth completion bash > completion/berth.bash
	$(BUILD)/bin/berth completion zsh > completion/_berth
	$(BUILD)/bin/berth completion fish > completion/berth.fish

# Debian packages: berth, and berth-docker, which provides the command docker.
deb:
	$(MAKE) all PREFIX=/usr
	debian/make-deb $(BUILD) $(VERSION)

# Installs them into a Debian of its own and takes them away again (debian/check-deb); needs root.
check-deb: deb
	debian/check-deb $(BUILD) $(VERSION)

clean:
	rm -rf $(BUILD)
