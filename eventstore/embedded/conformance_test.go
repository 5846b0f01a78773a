package embedded

import (
	"testing"

	"prepayledger/eventstore"
	"prepayledger/eventstore/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Log {
		dir := t.TempDir()
		return storetest.Log{Open: func(t *testing.T) eventstore.Store {
			s, err := Open(dir, Options{})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			return s
		}}
	})
}
