package commandjson

import (
	"encoding/json"
	"fmt"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Encode writes the payload of a command: what Decode reads again. What the
// ledger finds out by itself is left out. It fails for commands that nobody
// but the ledger gives.
func Encode(cmd domain.Command) ([]byte, error) {
	p := payloadOf(cmd)
	if p == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownCommand, cmd.CommandName())
	}
	return json.Marshal(p)
}

func payloadOf(cmd domain.Command) payload {
	switch c := cmd.(type) {
	case *domain.OpenAccount:
		return &openAccount{
			Currency: c.Currency, Card: c.Card, CarriedOver: amount{c.CarriedOver}, MinimumOpening: given(c.MinimumOpening),
			SurchargePercent: given(c.SurchargePercent), GraceDays: c.GraceDays, UnblockPolicy: string(c.UnblockPolicy),
			AutoRecharge: c.AutoRecharge, Threshold: given(c.Threshold), RechargeAmount: given(c.RechargeAmount),
		}
	case *domain.ChangeContract:
		return &changeContract{
			SurchargePercent: given(c.SurchargePercent), GraceDays: c.GraceDays, UnblockPolicy: string(c.UnblockPolicy),
			TaxText: c.TaxText, TaxRate: given(c.TaxRate),
		}
	case *domain.ChangeBillingDetails:
		b := c.Billing
		return &changeBillingDetails{
			Company: b.Company, Street: b.Street, PostalCode: b.PostalCode, City: b.City, Country: b.Country, VATID: b.VATID, Emails: b.Emails,
		}
	case *domain.RegisterChannel:
		return &registerChannel{
			ChannelID: c.ChannelID, PhoneNumber: c.PhoneNumber, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABAID,
			PaymentModel: string(c.PaymentModel), TimeZone: c.TimeZone,
		}
	case *domain.CancelChannel:
		return &cancelChannel{ChannelID: c.ChannelID}
	case *domain.ChangeRechargeSettings:
		return &changeRechargeSettings{AutoRecharge: c.AutoRecharge, Threshold: given(c.Threshold), RechargeAmount: given(c.RechargeAmount)}
	case *domain.ChangeAlertSettings:
		return &changeAlertSettings{Recipients: c.Recipients, Kinds: c.Kinds}
	case *domain.ReplaceCard:
		return &replaceCard{Card: c.Card}
	default:
		return moneyPayloadOf(cmd)
	}
}

// moneyPayloadOf is payloadOf for what moves money or stops it.
func moneyPayloadOf(cmd domain.Command) payload {
	switch c := cmd.(type) {
	case *domain.AddFunds:
		return &addFunds{Amount: amount{c.Amount}, Method: c.Method}
	case *domain.ConfirmPayment:
		return &confirmPayment{Reference: c.Reference, Amount: amount{c.Amount}, RechargeID: c.RechargeID}
	case *domain.Block:
		return &block{Reason: c.Reason}
	case *domain.Unblock:
		return &unblock{}
	case *domain.CorrectCharge:
		return &correctCharge{ChargeID: c.ChargeID, Reason: c.Reason}
	case *domain.Refund:
		return &refund{Amount: amount{c.Amount}, Reason: c.Reason, Payout: c.Payout, RechargeID: c.RechargeID}
	case *domain.RetryRefund:
		return &retryRefund{RefundID: c.RefundID}
	case *domain.CancelRefund:
		return &cancelRefund{RefundID: c.RefundID, Reason: c.Reason}
	case *domain.CloseAccount:
		return &closeAccount{}
	case *domain.Transfer:
		return &transfer{To: c.To, Amount: amount{c.Amount}}
	case *domain.ChargeLicenceFee:
		return &chargeLicenceFee{ChannelID: c.ChannelID, Amount: amount{c.Amount}}
	default:
		return nil
	}
}

// given is an amount that may be left out.
func given(a *money.Amount) *amount {
	if a == nil {
		return nil
	}
	return &amount{*a}
}
