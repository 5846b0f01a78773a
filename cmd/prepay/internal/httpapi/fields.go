package httpapi

import "github.com/danielgtaylor/huma/v2"

// describeFields says what fields are that the Go types behind them leave
// undescribed: those of the domain and of the read models, which know nothing
// of documents.
func (a *API) describeFields() {
	texts := fieldTexts()
	for name, schema := range a.OpenAPI().Components.Schemas.Map() {
		for field, s := range schema.Properties {
			text := texts[name+"."+field]
			if text == "" {
				text = texts[field]
			}
			if text != "" && s.Ref == "" {
				explain(s, text)
			}
		}
	}
}

// explain gives a field its text, if it has none of its own.
func explain(s *huma.Schema, text string) {
	if s.Description == "" || s.Description == exactDecimal {
		s.Description = text
	}
}

// exactDecimal is what is said of an amount of which nothing more is known.
const exactDecimal = "Exact decimal."

// fieldTexts are the texts by field, and by schema and field where a name means
// something of its own.
func fieldTexts() map[string]string {
	return map[string]string{
		"actor":             "Who did it (R35).",
		"amount":            "The amount, an exact decimal.",
		"amount_due":        "What the balance is below zero, else zero (R19).",
		"approved_by":       "Who approved it.",
		"at":                "When.",
		"auto_recharge":     "Whether the card is charged below the threshold (R11).",
		"balance":           "The balance; below zero something is due.",
		"block_deadline":    "When all channels are blocked if the balance stays below zero (R20); absent while it is not.",
		"blocked_reason":    "overdue, manual or overdue+manual (R23); absent while nothing is blocked.",
		"blocked_since":     "Since when the account is blocked; absent while it is not.",
		"card":              "The card processor's reference of the card, never a card number.",
		"card_total":        "What the card pays: amount and surcharge (R14).",
		"category":          "Meta's category, such as marketing.",
		"city":              "City.",
		"code":              "Why it failed, for machines.",
		"company":           "The company, of the billing details.",
		"count":             "How many.",
		"country":           "Two letters of ISO 3166-1, such as DE.",
		"credit_notes":      "The account's credit notes, by number (R36).",
		"currency":          "ISO 4217 code, such as EUR.",
		"documents":         "Meta's documents that it rests on.",
		"ended_at":          "When it ended; absent while it goes on.",
		"email":             "E-mail address.",
		"emails":            "E-mail addresses that invoices go to.",
		"estimated":         "The month is not reconciled with Meta's invoice, or has charges that came later (R31).",
		"free":              "Conversations counted at no cost.",
		"free_count":        "Conversations counted at no cost.",
		"grace_days":        "Days of 24 h from a negative balance to the block (R20).",
		"id":                "Its id.",
		"invoice_number":    "The invoice that it refers to.",
		"invoices":          "The account's invoices, by number (R15).",
		"issued_at":         "When it was issued.",
		"items":             "The page's items, in order.",
		"kind":              "What it is.",
		"kinds":             "Kinds of notices that are mailed.",
		"label":             "What the line is of.",
		"last_event_at":     "When something was last recorded of the account.",
		"lines":             "Its lines, in order.",
		"market":            "The market of the recipients, which prices go by.",
		"minimum_opening":   "The balance that the account must start with (R2).",
		"month":             "The month, such as 2026-10.",
		"name":              "Name.",
		"negative_since":    "Since when the balance is below zero (R20); absent while it is not.",
		"next":              "Cursor of the next page; absent on the last.",
		"note":              "What else is said.",
		"number":            "Its number.",
		"partner_id":        "The account's partner id.",
		"phone_number_id":   "The number's id at Meta.",
		"position":          "The place in the whole log.",
		"postal_code":       "Postal code.",
		"prepayment":        "What is credited to the balance.",
		"pricing_type":      "Meta's pricing type, such as regular.",
		"reason":            "Why.",
		"recharge_amount":   "The auto-renew amount (R11).",
		"recharge_id":       "The card payment that it is about (R13).",
		"recipients":        "Mail addresses that are told of the account.",
		"recorded_at":       "When it was recorded (R35).",
		"refund_id":         "The refund that it is about (R36).",
		"refunds":           "The account's refunds through the card processor (R36).",
		"requested_at":      "When it was asked for.",
		"retry_at":          "When it is tried again; absent where it is not.",
		"revision":          "The place in its stream, counted from 0.",
		"run":               "Which run of the month's reconciliation, counted from 1.",
		"sequence":          "Counts the account's documents of its kind from 1, without gap.",
		"sha256":            "SHA-256 of the content, in hex.",
		"standing":          "How the account stands: active, grace, blocked or closed.",
		"status":            "How it stands.",
		"street":            "Street and number.",
		"surcharge":         "What the card pays on top (R14).",
		"surcharge_percent": "Added to card payments, in per cent (R14).",
		"tax_rate":          "Tax that the total includes, in per cent.",
		"tax_text":          "What invoices say of tax.",
		"text":              "It in a sentence.",
		"threshold":         "The balance below which the card is charged (R11).",
		"total":             "What it comes to.",
		"type":              "The event's type.",
		"unblock_policy":    "Who lifts an overdue block (R22): finance or automatic.",
		"vat_id":            "VAT id; absent where there is none.",
		"waba_id":           "The WhatsApp Business Account's id at Meta.",

		"AccountRow.channels":        "How many channels live.",
		"AccountRow.failed_recharge": "The last card payment failed.",
		"AccountView.channels":       "Whether each channel may send, by channel id: open, blocked or cancelled.",
		"AccountView.retry_at":       "When a failed recharge is tried again (R17); absent where none is.",

		"AccountFigures.adjustments":          "The signed sum of month-end differences.",
		"AccountFigures.carried_over":         "What remained of earlier invoices at the opening (R2).",
		"AccountFigures.charged":              "The sum of all conversations deducted.",
		"AccountFigures.charged_count":        "Conversations deducted.",
		"AccountFigures.confirmations":        "Payments confirmed by Finance (R22).",
		"AccountFigures.confirmed":            "What they credited.",
		"AccountFigures.corrected":            "The sum of the charges taken back (R34).",
		"AccountFigures.corrected_count":      "Charges taken back.",
		"AccountFigures.credit_notes_issued":  "Credit notes issued (R36).",
		"AccountFigures.invoices_issued":      "Invoices issued (R15).",
		"AccountFigures.recharges_card_total": "What cards paid: credited amounts and surcharges.",
		"AccountFigures.recharges_credited":   "What card payments credited.",
		"AccountFigures.recharges_failed":     "Card payments that failed.",
		"AccountFigures.recharges_requested":  "Card payments asked for.",
		"AccountFigures.recharges_succeeded":  "Card payments that succeeded.",
		"AccountFigures.refunded":             "What was paid back (R32).",
		"AccountFigures.reversals":            "Card payments that the bank took back, less those it gave back again (R36).",
		"AccountFigures.reversed":             "By how much they lowered the balance.",

		"BillingDetails.company":     "Whom invoices are made out to (R15).",
		"InvoiceRecipient.company":   "Whom it is made out to; absent where there are no billing details.",
		"InvoiceDocument.kind":       "invoice or credit_note.",
		"PartnerDocument.kind":       "invoice or credit_note.",
		"InvoiceIssuer.bank_name":    "Name of the bank.",
		"InvoiceIssuer.bic":          "The bank's BIC.",
		"InvoiceIssuer.iban":         "Bank account.",
		"InvoiceIssuer.note":         "What else stands at the foot.",
		"InvoiceLine.description":    "What it is for.",
		"InvoiceLine.percent":        "The surcharge in per cent; absent where it is none.",
		"InvoiceTax.included":        "The tax that the total includes.",
		"InvoiceTax.net":             "The total without it.",
		"InvoiceTax.rate":            "In per cent.",
		"InvoiceTax.text":            "What is said of tax.",
		"InvoiceIssued.why":          "Why a payment has one more invoice; absent for its first.",
		"CreditNoteIssued.reason":    "Why.",
		"InvoiceIssued.recharge_id":  "The card payment that paid it.",
		"CreditNoteIssued.refund_id": "The refund that it is for; absent where the bank took the payment back.",

		"CreditNoteIssued.credit_note_number": "Its number.",
		"InvoiceIssued.invoice_number":        "Its number.",

		"ForecastInstants.earliest": "If days cost as much as their upper quartile; absent if not in sight.",
		"ForecastInstants.expected": "If days cost what they usually do; absent if not in sight.",
		"ForecastInstants.latest":   "If days cost as little as their lower quartile; absent if not in sight.",
		"ForecastInstants.reached":  "The balance is there already.",
		"ForecastLine.history_days": "How many days it rests on.",
		"ForecastLine.reason":       "Why nothing can be said; absent where something is.",
		"ForecastSpread.expected":   "Seven days by their medians.",
		"ForecastSpread.high":       "Seven days by their upper quartiles.",
		"ForecastSpread.low":        "Seven days by their lower quartiles.",

		"RechargeRequested.amount":      "What will be credited.",
		"RechargeRequested.number":      "Counts the account's recharges from 1.",
		"RechargeRequested.reason":      "Why the card is charged: initial, threshold, amount_due or manual.",
		"RechargeRequested.recharge_id": "The recharge's id (R13), and the idempotency key at the card processor (R16).",

		"RefundLine.amount":      "What is paid back.",
		"RefundLine.attempt":     "Which attempt it is, counted from 1.",
		"RefundLine.recharge_id": "The card payment that it goes back from.",
		"RefundLine.refund_id":   "The refund's id.",
		"RefundLine.status":      "How the last attempt ended.",

		"Statement.closing_balance": "The balance at the month's end.",
		"Statement.movements":       "What moved the balance, by kind.",
		"Statement.opening_balance": "The balance at the month's start.",
		"Statement.usage":           "The billing month's usage (R25), broken down.",
		"Movement.kind":             "Which kind of movement.",
		"Movement.amount":           "By how much it moved the balance.",

		"MonthEnd.closing_balance":          "The balance at the month's end.",
		"MonthEnd.days":                     "Usage by day and category.",
		"MonthEnd.details":                  "Every movement but charges.",
		"MonthEnd.details_omitted":          "How many details there are beyond those listed.",
		"MonthEnd.movements":                "What moved the balance, by kind.",
		"MonthEnd.name":                     "The company, of the billing details; absent where there are none.",
		"MonthEnd.opening_balance":          "The balance at the month's start.",
		"MonthEnd.surcharges":               "Surcharges paid by card and not credited, less those that went back.",
		"MonthEnd.usage":                    "The billing month's usage (R25).",
		"StatementAdjusted.adjusted":        "Charged less invoiced: what was posted.",
		"StatementAdjusted.charged":         "What was charged.",
		"StatementAdjusted.invoiced":        "What Meta invoiced.",
		"StatementDay.day":                  "The day (UTC).",
		"StatementDetail.reference":         "The recharge, the transfer's reference, the refund, the charge or the month.",
		"StatementTie.balances":             "Opening and movements come to the closing, which is the balance that the rules fold to.",
		"StatementTie.events":               "How many events lie between the first and the last, both included.",
		"StatementTie.sha256":               "Over the events: of each its id, a line feed, its data as stored, a line feed.",
		"StatementTie.stream":               "The account's stream.",
		"StatementUsage.invoiced":           "How many Meta invoiced, once the month is posted.",
		"StatementUsage.invoiced_amount":    "What Meta invoiced, once the month is posted.",
		"UsageLine.amount":                  "What was deducted, less what was taken back.",
		"UsageLine.count":                   "Conversations deducted, less those taken back.",
		"ReconciliationDocumentRef.version": "Counts the document's corrections from 1 (R28).",

		"ReconciliationDocumentRef.invoice_id": "The document's id.",

		"Replayed.data":     "The event, as stored.",
		"Replayed.metadata": "When it happened and was recorded, who caused it (R35), as stored.",
		"Replayed.stream":   "The stream that it is of.",
		"StreamPage.end":    "There is nothing after it now.",
		"StreamPage.next":   "The revision with which the next page begins.",
		"StreamPage.stream": "The stream.",

		"WhyAnswer.as_of":       "The instant that it is told of.",
		"WhyAnswer.attempts":    "The card payments since, the oldest first.",
		"WhyAnswer.because":     "Why, in sentences.",
		"WhyAnswer.events_read": "How many events were read for it.",
		"WhyAnswer.incomplete":  "A limit ended the reading before everything was found.",
		"WhyAnswer.lifts":       "What ends it.",
		"WhyAnswer.next":        "What will happen, and when.",
		"WhyAnswer.steps":       "The events behind it all, the oldest first; charges between two others are one step.",
		"WhyAttempt.outcome":    "How it ended.",
		"WhyCharges.sum":        "What they cost.",
		"WhyNext.at":            "When; absent where nobody knows.",
		"WhyStep.balance_after": "The balance after it.",
		"WhyStep.effect":        "By how much it changed the balance.",
		"WhyStep.event_id":      "The event's id.",
	}
}
