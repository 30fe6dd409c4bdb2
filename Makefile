# `make demo` and `make test` do everything from the set-up on: on Debian 12, as root.
SHELL := /bin/bash
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

.PHONY: help setup demo test transparency bench bench-many bench-language fuzz audit clean

help:
	@echo 'make demo    show the policies of the talk at work on real programs'
	@echo 'make test    run every check and every test'
	@echo 'make transparency  run programs and their own tests with everything supervised and without, and write docs/transparency.md'
	@echo 'make bench   measure, and write docs/benchmarks.md'
	@echo 'make bench-many  measure many containers at once, and write docs/benchmarks-many.md'
	@echo 'make bench-workloads  measure real programs, and write docs/benchmarks-workloads.md'
	@echo 'make bench-language  measure the policy language, and write docs/benchmarks-language.md'
	@echo 'make fuzz    try any input on parser, evaluator and profiles, a minute each (installs cargo-fuzz)'
	@echo 'make audit   check licences and advisories of the crates we use (installs cargo-deny)'
	@echo 'make clean   remove what was built, the images included'

setup:
	@tests/setup/run

demo: setup
	@target/release/demo

test: setup
	@tests/run

transparency: setup
	@tests/setup/image workloads
	@cargo run --release --locked --quiet -p tests --bin transparency

bench: setup
	@target/release/bench

bench-many: setup
	@target/release/bench-many

bench-workloads: setup
	@target/release/bench workloads

bench-language:
	@mkdir -p docs
	cargo bench --quiet --locked -p policy --bench decisions | tee target/benchmarks-language.md
	@mv target/benchmarks-language.md docs/

fuzz:
	@fuzz/run

audit:
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check

clean:
	cargo clean
