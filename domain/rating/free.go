package rating

import (
	"time"

	"prepayledger/domain"
)

// The pricing types that Meta writes.
const (
	// TypeRegular is charged.
	TypeRegular = domain.PricingTypeRegular
	// TypeFreeCustomerService is free: within the customer service window.
	TypeFreeCustomerService = "free_customer_service"
	// TypeFreeEntryPoint is free: it began at an ad or a page's button.
	TypeFreeEntryPoint = "free_entry_point"
)

// KnownType reports whether the pricing type is one that the ledger knows.
func KnownType(s string) bool {
	return s == TypeRegular || s == TypeFreeCustomerService || s == TypeFreeEntryPoint
}

// PricingObject is what a status webhook says about the price (R7).
type PricingObject struct {
	Model domain.PricingModel
	// Type is empty where the webhook has none.
	Type string
	// Category is as Meta wrote it.
	Category string
	// Billable is nil where the webhook does not say.
	Billable *bool
	At       time.Time
}

// freeRule says under which type a conversation is free that has no type of
// its own. Its conditions all hold; an empty one always does.
type freeRule struct {
	model    domain.PricingModel
	category string // in normal spelling
	// stated says that billable must be there, as false.
	stated bool
	// from and until bound the instants, until excluded; zero is open.
	from, until time.Time
	countedAs   string
}

// freeRules are looked through in order; the first that fits holds. They are
// dated, like the rates: when Meta changes what is free, a rule ends and
// another begins, and old webhooks are still read by the old one.
func freeRules() []freeRule {
	serviceCharged := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	return []freeRule{
		// Conversations that began at a free entry point have a category of
		// their own under CBP.
		{model: domain.CBP, category: "referral_conversion", countedAs: TypeFreeEntryPoint},
		// Until then service messages were free without any quota.
		{model: domain.PMP, category: "service", until: serviceCharged, countedAs: TypeFreeCustomerService},
		// Otherwise what is not billable lies within the customer service
		// window or its quota.
		{stated: true, countedAs: TypeFreeCustomerService},
	}
}

// FreeRules reads pricing objects. It is immutable and safe for concurrent
// use.
type FreeRules struct{ rules []freeRule }

// DefaultFreeRules returns Meta's rules as far as they are known.
func DefaultFreeRules() *FreeRules { return &FreeRules{rules: freeRules()} }

// TypeOf returns the pricing type under which a conversation is counted: the
// object's own type wherever it has one, also against billable, which Meta is
// giving up. Without a type, billable makes it regular; else the dated rules
// decide, and what none of them fits is regular.
func (f *FreeRules) TypeOf(p PricingObject) string {
	if p.Type != "" {
		return p.Type
	}
	if p.Billable != nil && *p.Billable {
		return TypeRegular
	}
	category := NormalCategory(p.Category)
	for i := range f.rules {
		r := &f.rules[i]
		switch {
		case r.model != "" && r.model != p.Model,
			r.category != "" && r.category != category,
			r.stated && p.Billable == nil,
			!r.from.IsZero() && p.At.Before(r.from),
			!r.until.IsZero() && !p.At.Before(r.until):
		default:
			return r.countedAs
		}
	}
	return TypeRegular
}
