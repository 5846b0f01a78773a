package streams

import (
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/projections/projectionstest"
)

// TestStreams has every stream once, with what it has by now, also after it
// went on; of a prefix, by the page.
func TestStreams(t *testing.T) {
	l := projectionstest.New(t)
	begin := l.Now()
	l.Append("account-PA-1", &domain.AccountOpened{PartnerID: "PA-1"}, &domain.BalancePublished{})
	l.Append("account-PA-2", &domain.AccountOpened{PartnerID: "PA-2"})
	m := New()
	engine := l.Follow(m)
	l.Append("account-PA-1", &domain.AccountClosed{})
	l.Append("number-49", &domain.BalancePublished{})
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := m.Get("account-PA-1")
	if err != nil {
		t.Fatal(err)
	}
	want := Stream{Name: "account-PA-1", Events: 3, FirstAt: begin.Add(time.Minute), LastAt: begin.Add(4 * time.Minute), LastType: "AccountClosed"}
	if got == nil || *got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if none, err := m.Get("account-PA"); none != nil || err != nil {
		t.Errorf("a stream that is not there: %+v %v", none, err)
	}
	for _, test := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 0, []string{"account-PA-1", "account-PA-2", "number-49"}},
		{"account-", "", 1, []string{"account-PA-1"}},
		{"account-", "account-PA-1", 1, []string{"account-PA-2"}},
		{"account-", "account-PA-2", 1, nil},
		{"number-", "", 5, []string{"number-49"}},
	} {
		list, err := m.List(test.prefix, test.after, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range list {
			names = append(names, s.Name)
		}
		if len(names) != len(test.want) {
			t.Fatalf("%+v: %q", test, names)
		}
		for i := range names {
			if names[i] != test.want[i] {
				t.Errorf("%+v: %q", test, names)
			}
		}
	}
}
