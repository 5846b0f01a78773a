package esdbserver_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain: no test leaves a goroutine behind, of ours or of a client.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
