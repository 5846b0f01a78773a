package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// importInvoice imports Meta's invoice with its rates of exchange.
func (r *Run) importInvoice(ctx context.Context, l line, name string, data []byte) error {
	var given []map[string]json.RawMessage
	if raw, ok := l.fields["fx"]; ok {
		if err := json.Unmarshal(raw, &given); err != nil {
			return fmt.Errorf("%w: line %d, field fx: write a list of {from, to, rate, date, source}", ErrScenario, l.number)
		}
	}
	var fx []reconciliation.FXRate
	for _, fields := range given {
		rate := line{number: l.number, fields: fields}
		value, err := money.Parse(rate.text("rate"))
		if err != nil {
			return domain.Reject(domain.InvoiceInvalid, "fx: rate %.40q is not an amount.", rate.text("rate"))
		}
		fx = append(fx, reconciliation.FXRate{
			From: money.Currency(rate.text("from")), To: money.Currency(rate.text("to")), Rate: value,
			Date: rate.text("date"), Source: rate.text("source"),
		})
	}
	_, err := r.ledger.ImportMetaInvoice(ctx, r.meta(l), name, bytes.NewReader(data), fx)
	return err
}
