package desk_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Pages that go on by cursor show every account that stays where it is exactly
// once, in every order, while others come and change.
func TestAccountCursor(t *testing.T) {
	d := openDesk(t, &clock{start})
	openAccounts(t, d)
	added := 0
	for _, sort := range desk.AccountSorts() {
		for _, down := range []bool{false, true} {
			seen := map[string]int{}
			q := desk.AccountQuery{Sort: sort, Descending: down, Limit: 4}
			for {
				page, err := d.ListAccounts(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for i := range page.Rows {
					seen[page.Rows[i].PartnerID]++
				}
				if q.After = page.Next; q.After == "" {
					break
				}
				// One more, which would push all others a place on or not.
				added++
				id := fmt.Sprintf("PA-%03d-new%d", added%30, added)
				do(t, d, id, &domain.OpenAccount{PartnerID: id, Currency: "EUR", Card: "sim_ok", CarriedOver: money.FromInt(int64(500 + added%100))})
			}
			for n := range 30 {
				if id := fmt.Sprintf("PA-%03d", n); seen[id] != 1 {
					t.Errorf("by %s, descending %v: %s was shown %d times", sort, down, id, seen[id])
				}
			}
		}
	}
}

// A cursor of another list is refused.
func TestForeignAccountCursor(t *testing.T) {
	d := openDesk(t, &clock{start})
	openAccounts(t, d)
	page, err := d.ListAccounts(t.Context(), desk.AccountQuery{Sort: desk.SortBalance, Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, q := range []desk.AccountQuery{
		{Sort: desk.SortBalance, Descending: true, After: page.Next}, {Sort: desk.SortDue, After: page.Next}, {Sort: desk.SortBalance, After: "nonsense!"},
		{Sort: desk.SortBalance, After: "e30x"},
	} {
		if _, err := d.ListAccounts(t.Context(), q); !errors.Is(err, desk.ErrAccountCursor) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// Who may see some accounts gets those, and counts no others.
func TestAccountsSeen(t *testing.T) {
	d := openDesk(t, &clock{start})
	openAccounts(t, d)
	mine := []string{"PA-004", "PA-007"}
	page, err := d.ListAccounts(t.Context(), desk.AccountQuery{Limit: 1, Sees: func(id string) bool { return slices.Contains(mine, id) }})
	if err != nil || page.Total != 2 || len(page.Rows) != 1 || page.Rows[0].PartnerID != "PA-004" {
		t.Errorf("%+v, %v", page, err)
	}
}
