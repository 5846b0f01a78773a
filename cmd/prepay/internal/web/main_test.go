package web_test

import (
	"os"
	"testing"

	"prepayledger/cmd/prepay/internal/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }
