# The two commands of a newcomer are `./start demo` and `./start test`, which call make; both
# install what they need. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
ifneq ($(LANES),yes)
.NOTPARALLEL:
endif
.DEFAULT_GOAL := help

# ip(8) and nft(8) are not on everybody's path.
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin

STATICCHECK := v0.8.2
NFPM        := v2.45.0

# Where make install puts the files: DESTDIR/PREFIX, as the GNU standards have it.
PREFIX  := /usr/local
DESTDIR :=
ZSHDIR  := $(PREFIX)/share/zsh/site-functions

# What the program, the lab, and the tests that compare us with others need.
BUILD_PACKAGES := gcc libc6-dev libpcap-dev ca-certificates git
LAB_PACKAGES   := iproute2 nftables
TEST_PACKAGES  := scamper traceroute mtr-tiny tcpdump iputils-ping groff-base tmux

# The packages whose tests have goroutines that share memory. Those of schedule, trace and
# gather have one goroutine, which shows the race detector nothing: their code runs in
# several under programs.
CONCURRENT := internal/window matcher sender receiver ratelimit internal/format \
	internal/run internal/scan internal/list internal/traceroute internal/replay internal/programs

# Tests of these packages with one goroutine that take seconds with the race detector: unit has them.
# FuzzOwnCapture is among them, since other replays have its goroutines; so has the first part of TestEarly.
SINGLE := TestBucketAgainstReference TestBucketMean TestAutoFindsLimit TestAutoReachesMost \
	TestLateReplySealed TestLateReplies TestCrowdedGuesses TestOnDemandModel TestOnDemandMemory TestHashRouter \
	TestMalformedFlood TestTCPFlags TestKinds TestRunRandom FuzzReplay FuzzOwnCapture \
	TestSendStuck TestSendFiltered TestXDPModel TestKilledAnywhere TestKilledSet TestMatchAllocs \
	TestOnDemandAllocs TestWindowAllocs TestStateHonest TestStateHostile TestPathFull TestCrowdedHonest \
	TestForeignMisses TestTreeModel

# Scans beside tools of others, and replays of their captures: other scans and replays have the same
# goroutines of ours.
BESIDE := TestScamper TestTraceroute TestTraceScamper TestCrowd TestReplayTools TestReplayCut

# Cases whose goroutines another case of the test has: a scan to the end, and one on demand that is
# halted, are left of TestSlotProtocol.
CASES := ^TestEarly$$/^exhaustive$$|^TestSlotProtocol$$/^(halted|halted_soon|on_demand)$$
EMPTY  :=
SPACE  := $(EMPTY) $(EMPTY)

# Other tools that make bench compares with, by their paths:
# make bench TRACERS="-scamper /usr/bin/scamper -flashroute ..."
# make bench PEERS="-scamper /usr/bin/scamper -caracal ... -yarrp ..."
PEERS :=

# Inputs for each fuzz target: what a test run has time for, and enough. A test run has the
# targets alone that read what strangers write; all others run their seeds in unit. So do FuzzOpen of
# checkpoint and FuzzResults of show: their hundreds of seeds would take half of this step once more.
FUZZ_SHORT   := 1000
FUZZ_COUNT   := 500000
FUZZ_FOREIGN := FuzzQuoted|FuzzVariedQuoted|FuzzEchoReply|FuzzTCPAnswer|FuzzDecode|FuzzDecodeTCP|FuzzReplay|FuzzExtension|FuzzFile|FuzzReader|FuzzRow|FuzzScan|FuzzValues|FuzzDatabase|FuzzMMDB|FuzzText

# The least coverage of a package, in percent.
COVER := 85

# What go build of the command takes by itself, and benchmarks have to be told.
GUIDE := cmd/masstrace/default.pgo

.PHONY: help build install-build install-demo install-test lint unit race fuzz-short \
	test others test-tools cover fuzz soak bench guide demo demo-fleet install uninstall deb generate clean

help:
	@echo "make demo   build, trace 10,590 targets in a simulated Internet, show how much is true"
	@echo "make demo-fleet  a hub and four vantage points in it, one killed on the way; the exit status is that of verify"
	@echo "make test   everything that must hold, in some minutes"
	@echo "make cover  how much of each package the tests reach, at least $(COVER) %"
	@echo "make test-tools  the examples of docs/databases.md, docs/parquet.md and docs/cookbook.md, with DuckDB, polars, pandas, R and ClickHouse; annotate, with real data; reports, in Chromium"
	@echo "make soak   the same at full counts, for hours; keeps bench/SOAK.md"
	@echo "make fuzz   every fuzz target, $(FUZZ_COUNT) inputs each (FUZZ_COUNT=N)"
	@echo "make bench  how fast it is, beside others; keeps bench/RESULTS.md"
	@echo "make guide  the profile by which the compiler builds bin/masstrace, anew"
	@echo "make build  bin/masstrace alone"
	@echo "make install, make uninstall: program, manual pages and completions (PREFIX=$(PREFIX), DESTDIR=)"
	@echo "make deb    a Debian package in out"
	@echo "make generate  manual pages, docs/commands and completions, anew from the flags"
	@echo "make lint, make unit, make race: parts of make test"

build:
	go build -o bin/masstrace ./cmd/masstrace

install-build:
	@scripts/step install scripts/install make $(BUILD_PACKAGES)
install-demo:
	@scripts/step install scripts/install make $(BUILD_PACKAGES) $(LAB_PACKAGES)
install-test:
	@scripts/step install scripts/install make $(BUILD_PACKAGES) $(LAB_PACKAGES) $(TEST_PACKAGES)

# Without the profile: cmd/masstrace and all below it would be compiled once more for it.
test: export GOFLAGS := $(strip $(GOFLAGS) -pgo=off)

# go list -export compiles every package and links none: the links of nineteen programs take ten seconds.
test: install-test
	@scripts/step modules go mod download
	@scripts/step build go list -export -f '{{""}}' ./...
	@printf '\n== unit; beside it race, lint and fuzz: the output of each comes at its end\n'
	@$(MAKE) LANES=yes --no-print-directory --keep-going --jobs=2 --output-sync=target unit others

# The tests of unit wait more than they compute. The other steps compute, one after the other, while
# unit waits.
others:
	@nice $(MAKE) LANES= --no-print-directory --keep-going race lint fuzz-short

lint:
	@scripts/step lint scripts/lint $(STATICCHECK)
unit:
	@scripts/step unit scripts/gotest unit -vet=off -timeout 8m ./...
race:
	@scripts/step race scripts/gotest race -race -vet=off -timeout 8m \
		-skip '^($(subst $(SPACE),|,$(strip $(SINGLE) $(BESIDE))))$$|$(CASES)' $(addprefix ./,$(CONCURRENT))
fuzz-short:
	@scripts/step fuzz scripts/fuzz $(FUZZ_SHORT) '$(FUZZ_FOREIGN)'

test-tools: install-demo build
	@scripts/step tools-install scripts/tools out/tools
	@scripts/step tools scripts/gotest tools -tags tools -timeout 15m ./internal/tools

cover: install-test
	@scripts/step cover scripts/cover $(COVER)

fuzz: install-build
	@scripts/step fuzz scripts/fuzz $(FUZZ_COUNT)

soak: install-test
	@scripts/step install scripts/install debootstrap
	go run ./bench/soak -fuzz $(FUZZ_COUNT) -o bench/SOAK.md

bench: install-build build
	go run ./bench/micro -o bench/RESULTS.md -profiles bench/profiles
	go run -pgo=$(GUIDE) ./bench/send -o bench/RESULTS.md
	go run ./bench/lab $(PEERS) -o bench/RESULTS.md
	go run -pgo=$(GUIDE) ./bench/receive -o bench/RESULTS.md
	go run -pgo=$(GUIDE) ./bench/replay -o bench/RESULTS.md
	go run -pgo=$(GUIDE) ./bench/read -o bench/RESULTS.md
	go run -pgo=$(GUIDE) ./bench/formats -o bench/RESULTS.md
	go run ./bench/strategy $(TRACERS) -o bench/RESULTS.md
	go run ./bench/scale -o bench/RESULTS.md
	go run ./bench/pace -o bench/RESULTS.md
	go run ./bench/watch -o bench/RESULTS.md
	go run ./bench/follow -o bench/RESULTS.md
	go run ./bench/fleet -o bench/RESULTS.md
	@scripts/step duckdb scripts/tools out/tools duckdb
	go run ./bench/query -o bench/RESULTS.md

guide: install-build
	go run ./bench/micro -guide $(GUIDE)

demo: install-demo build
	mkdir -p out
	bin/masstrace lab --overwrite --preset default --log out/demo.log --counters out/demo.json -- \
		bin/masstrace scan testdata/prefixes.txt --rate 15k --overwrite --output out/demo.ndjson
	@go run ./internal/demo -log out/demo.log -counters out/demo.json -targets testdata/prefixes.txt out/demo.ndjson

demo-fleet: install-demo build
	mkdir -p out
	bin/masstrace lab --overwrite --vantage-points 4 --log out/demo-fleet.log --counters out/demo-fleet.json -- \
		scripts/demo-fleet out/demo-fleet testdata/prefixes.txt
	@printf '\n$$ masstrace verify demo.ndjson --log out/demo-fleet.log\n'
	@status=0; bin/masstrace verify out/demo-fleet/demo.ndjson --log out/demo-fleet.log --counters out/demo-fleet.json \
		--targets testdata/prefixes.txt >out/demo-fleet/verify.txt || status=$$?; \
		sed -n '/^ALL/,$$p' out/demo-fleet/verify.txt; \
		echo "A report for each vantage point is in out/demo-fleet/verify.txt."; exit $$status

generate:
	go run ./cmd/masstrace/generate

# What make install installs, and where below DESTDIR.
BIN  := bin/masstrace
MAN  := $(PREFIX)/share/man/man1
DOC  := $(PREFIX)/share/doc/masstrace
BASH := $(PREFIX)/share/bash-completion/completions
FISH := $(PREFIX)/share/fish/vendor_completions.d

install: build
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/masstrace
	install -d $(DESTDIR)$(MAN) $(DESTDIR)$(DOC)/docs/commands
	install -m 644 docs/man/*.1 $(DESTDIR)$(MAN)
	install -D -m 644 completions/masstrace.bash $(DESTDIR)$(BASH)/masstrace
	install -D -m 644 completions/_masstrace $(DESTDIR)$(ZSHDIR)/_masstrace
	install -D -m 644 completions/masstrace.fish $(DESTDIR)$(FISH)/masstrace.fish
	install -m 644 README.md CHANGELOG.md LICENSE $(DESTDIR)$(DOC)
	install -m 644 docs/*.md $(DESTDIR)$(DOC)/docs
	install -m 644 docs/commands/*.md $(DESTDIR)$(DOC)/docs/commands

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/masstrace $(DESTDIR)$(MAN)/masstrace.1 $(DESTDIR)$(MAN)/masstrace-*.1
	rm -f $(DESTDIR)$(BASH)/masstrace $(DESTDIR)$(ZSHDIR)/_masstrace $(DESTDIR)$(FISH)/masstrace.fish
	rm -rf $(DESTDIR)$(DOC)

deb: install-build
	@scripts/step deb scripts/deb $(NFPM)

clean:
	rm -rf bin out
