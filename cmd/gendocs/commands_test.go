package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"prepayledger/consumers/commandjson"
)

// own are the commands that the ledger gives to itself, or that come another
// way: nobody gives them as JSON.
func own() []string {
	return []string{
		"AdjustReconciliation", "BlockOverdue", "PublishBalance", "RecordCharge", "RecordRechargeFailed",
		"RecordRechargeReinstated", "RecordRechargeReversed", "RecordRechargeSucceeded", "RecordRefundFailed",
		"RecordRefundPaidOut", "ReleaseQuarantined", "RetryRecharge",
	}
}

// TestEveryCommandIsPublicOrTheLedgersOwn finds commands of the domain of
// which nobody decided whether others may give them.
func TestEveryCommandIsPublicOrTheLedgersOwn(t *testing.T) {
	files, err := filepath.Glob("../../domain/*.go")
	if err != nil {
		t.Fatal(err)
	}
	known := append(own(), commandjson.Names()...)
	for _, name := range own() {
		if commandjson.Summary(name) != "" {
			t.Errorf("%s is public: take it from the ledger's own", name)
		}
	}
	found := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "CommandName" || f.Body == nil {
				continue
			}
			found++
			name := unquote(f.Body.List[0].(*ast.ReturnStmt).Results[0])
			if !slices.Contains(known, name) {
				t.Errorf("%s: give %s a payload in consumers/commandjson, or name it among the ledger's own", path, name)
			}
		}
	}
	if found != len(known) {
		t.Errorf("the domain has %d commands, %d are known here", found, len(known))
	}
}
