package runindex

import (
	"os"
	"syscall"
)

// preferHugePages asks for 2 MiB pages: random access to a large filter
// otherwise pays a TLB miss beside the cache miss. It is a hint; errors
// don't matter.
func preferHugePages(mem []byte) { _ = syscall.Madvise(mem, syscall.MADV_HUGEPAGE) }

// startWriteback asks the kernel to begin writing a part of the file, so
// that the fsync at the end finds little to do and does not hold up the
// log's fsyncs on the same disk. It is a hint; errors don't matter.
func startWriteback(f *os.File, offset, size int64) {
	const syncFileRangeWrite = 2
	_ = syscall.SyncFileRange(int(f.Fd()), offset, size, syncFileRangeWrite)
}
