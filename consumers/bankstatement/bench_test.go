package bankstatement_test

import (
	"strings"
	"testing"

	"prepayledger/consumers/bankstatement"
)

// BenchmarkParse reads a camt.053 document of 20,000 entries.
func BenchmarkParse(b *testing.B) {
	inner := good + `<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>Acme</Nm></Dbtr></RltdPties><RmtInf><Ustrd>PA-1001-2026-000001 thanks</Ustrd></RmtInf></TxDtls></NtryDtls>`
	text := document("02", strings.Repeat(entry(inner), bankstatement.MaxEntries))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := bankstatement.Parse("f", strings.NewReader(text), bankstatement.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
