package runindex

import (
	"os"
	"syscall"
)

// startWriteback asks the kernel to begin writing a part of the file, so
// that the fsync at the end finds little to do and does not hold up the
// log's fsyncs on the same disk. It is a hint; errors don't matter.
func startWriteback(f *os.File, offset, size int64) {
	const syncFileRangeWrite = 2
	_ = syscall.SyncFileRange(int(f.Fd()), offset, size, syncFileRangeWrite)
}
