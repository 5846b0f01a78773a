package rating

import (
	"testing"
	"time"

	"prepayledger/domain"
)

// R7: Meta's pricing object says which one is free; its type wins over
// billable, and without a type the rules of the day decide.
func TestTypeOf(t *testing.T) {
	yes, no := true, false
	october := day("2026-10-01")
	for _, c := range []struct {
		p    PricingObject
		want string
	}{
		{PricingObject{Model: domain.PMP, Type: TypeRegular, Category: "service", Billable: &no, At: october}, TypeRegular},
		{PricingObject{Model: domain.PMP, Type: TypeFreeEntryPoint, Category: "marketing", Billable: &yes, At: october}, TypeFreeEntryPoint},
		{PricingObject{Model: domain.PMP, Type: "something_new", At: october}, "something_new"},
		{PricingObject{Model: domain.CBP, Category: "marketing", Billable: &yes, At: october}, TypeRegular},
		{PricingObject{Model: domain.CBP, Category: "service", Billable: &yes, At: october}, TypeRegular},
		{PricingObject{Model: domain.CBP, Category: "service", Billable: &no, At: october}, TypeFreeCustomerService},
		{PricingObject{Model: domain.CBP, Category: "utility", Billable: &no, At: october}, TypeFreeCustomerService},
		{PricingObject{Model: domain.CBP, Category: "utility", At: october}, TypeRegular},
		{PricingObject{Model: domain.CBP, Category: "referral_conversion", Billable: &no, At: october}, TypeFreeEntryPoint},
		{PricingObject{Model: domain.CBP, Category: "Referral-Conversion", At: october}, TypeFreeEntryPoint},
		{PricingObject{Model: domain.CBP, Category: "referral_conversion", Billable: &yes, At: october}, TypeRegular},
		{PricingObject{Model: domain.PMP, Category: "referral_conversion", At: october}, TypeRegular},
		{PricingObject{Model: domain.PMP, Category: "service", At: october.Add(-time.Second)}, TypeFreeCustomerService},
		{PricingObject{Model: domain.PMP, Category: "service", At: october}, TypeRegular},
		{PricingObject{Model: domain.PMP, Category: "service", Billable: &yes, At: october.Add(-time.Second)}, TypeRegular},
	} {
		if got := DefaultFreeRules().TypeOf(c.p); got != c.want {
			t.Errorf("%+v is %s, want %s", c.p, got, c.want)
		}
	}
	if !KnownType(TypeFreeEntryPoint) || !KnownType(TypeFreeCustomerService) || !KnownType(TypeRegular) || KnownType("") || KnownType("REGULAR") {
		t.Error("known types")
	}
}
