# A thin front. What it does stands in .ci/ (set-up, check) and in meson.build (build).
.PHONY: build run check bench long fuzz format clean

# Compiles to build/tiphys; on a bare Debian 12 it installs the packages first.
build:
	@.ci/setup build
	@.ci/build build clang-19

# One Argo request, answered by a running `tiphys serve`.
run:
	@.ci/setup run
	@.ci/build build clang-19
	@examples/demo

# All tests: clang, gcc, sanitizers.
check:
	@.ci/setup check
	@.ci/check

# Workflows with steps of 90 s, as Argo would run them: some minutes.
long:
	@.ci/setup check
	@.ci/build build clang-19
	@TIPHYS_TOIL=90 TIPHYS_REPLY_WITHIN=20 meson test -C build e2e/agent --print-errorlogs

# Steps against containers: a table and a report. YES=1 installs container engines without asking.
bench:
	@.ci/bench $(if $(YES),--yes)

# The fuzz targets for longer than in a check: each for so many seconds.
FUZZ_SECONDS ?= 600
fuzz:
	@.ci/setup check
	@.ci/fuzz $(FUZZ_SECONDS)

format:
	@.ci/setup check
	@.ci/format

clean:
	rm -rf build build-check
