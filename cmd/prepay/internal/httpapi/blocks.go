package httpapi

import "prepayledger/cmd/prepay/internal/access"

// blocks registers what ends an account's sending, or lets it go on.
func (a *API) blocks() {
	command(a, post("/accounts/{partner_id}/block", "Blocks"), access.Finance(), "Block")
	command(a, post("/accounts/{partner_id}/unblock", "Blocks"), access.Finance(), "Unblock")
	command(a, post("/accounts/{partner_id}/close", "Accounts"), access.Finance(), "CloseAccount")
}
