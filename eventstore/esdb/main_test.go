package esdb_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain: no test leaves a goroutine behind, of the driver or of its server.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
