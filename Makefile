# For fingers that type make; everything is in ./run.
.PHONY: build test test-all bench run clean
build:    ; ./run build
run:      ; ./run
test:     ; ./run test
test-all: ; ./run test --all
bench:    ; ./run bench
clean:    ; rm -rf .build .build-asan .build-tsan .build-venv .build-fuzz
