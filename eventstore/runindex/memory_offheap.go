//go:build (linux || darwin || freebsd) && !race

package runindex

import (
	"fmt"
	"syscall"
)

// allocate returns zeroed memory outside Go's heap: hundreds of megabytes
// that never hold a pointer should neither be walked by the collector nor
// double the heap's growth target. Free it with release.
func allocate(size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("get %d bytes of memory: %w", size, err)
	}
	return mem, nil
}

// release gives memory of allocate back. Nobody may touch it afterwards.
func release(mem []byte) {
	if mem != nil {
		// The only error is EINVAL, for memory that was not allocated here.
		_ = syscall.Munmap(mem)
	}
}
