package image

import (
	"debug/elf"
	"errors"
	"fmt"
)

// machines are ELF's names of the architectures that images are made for.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

var (
	errUnknownArchitecture = errors.New("images are made for amd64 and arm64 only")
	errDynamic             = errors.New("it needs a loader, which the image does not have: build it with CGO_ENABLED=0")
)

// Program returns a program of this machine as a file of an image. A program
// that could not start there, being for another architecture or not static, is
// refused: in a container its error would be "no such file or directory".
func Program(path, source, architecture string) (File, error) {
	machine, ok := machines[architecture]
	if !ok {
		return File{}, fmt.Errorf("architecture %q: %w", architecture, errUnknownArchitecture)
	}
	binary, err := elf.Open(source)
	if err != nil {
		return File{}, fmt.Errorf("program %s: %w", source, err)
	}
	defer func() { _ = binary.Close() }()
	if binary.Machine != machine {
		return File{}, fmt.Errorf("program %s is for %s, not for %s (%s)", source, binary.Machine, architecture, machine)
	}
	for _, segment := range binary.Progs {
		if segment.Type == elf.PT_INTERP {
			return File{}, fmt.Errorf("program %s: %w", source, errDynamic)
		}
	}
	return File{Path: path, Mode: 0o755, Source: source}, nil
}
