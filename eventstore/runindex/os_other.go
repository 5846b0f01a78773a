//go:build !linux

package runindex

import "os"

// preferHugePages is a hint that this system doesn't take.
func preferHugePages([]byte) {}

// startWriteback is a hint that this system doesn't take.
func startWriteback(*os.File, int64, int64) {}
