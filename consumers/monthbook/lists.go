package monthbook

import (
	"fmt"

	"prepayledger/consumers/xlsx"
	"prepayledger/domain/reconciliation"
)

// nobodys lists lines that are unallocated or the provider's own cost (R27).
func (m *Month) nobodys(b *xlsx.Book) error {
	sheet, err := b.Sheet("Unallocated", columns(18, "What", "Document", "Version", "Line", "WABA", "Number", "Volume", "Amount", "Currency", "Why")...)
	if err != nil {
		return err
	}
	for _, list := range []struct {
		what string
		refs []reconciliation.LineRef
	}{{"unallocated", m.Unallocated}, {"own cost", m.OwnCost}} {
		for i := range list.refs {
			r := &list.refs[i]
			if err := sheet.Row(list.what, r.InvoiceID, r.Version, r.Line, r.WABAID, r.PhoneNumberID, r.Volume, r.Amount, string(r.Currency), r.Why); err != nil {
				return err
			}
		}
	}
	return sheet.Finish()
}

// direct lists what Meta bills to the clients of direct channels.
func (m *Month) direct(b *xlsx.Book) error {
	sheet, err := b.Sheet("Direct", columns(18, "WABA", "Lines", "Volume", "Amount", "Currency")...)
	if err != nil {
		return err
	}
	for i := range m.Direct {
		d := &m.Direct[i]
		if err := sheet.Row(d.WABAID, d.Lines, d.Volume, d.Amount, string(d.Currency)); err != nil {
			return err
		}
	}
	return sheet.Finish()
}

func (m *Month) uninvoiced(b *xlsx.Book) error {
	sheet, err := b.Sheet("Uninvoiced", columns(18, "Account", "WABA", "Charges", "Amount", "Currency")...)
	if err != nil {
		return err
	}
	for i := range m.Uninvoiced {
		u := &m.Uninvoiced[i]
		if err := sheet.Row(u.PartnerID, u.WABAID, u.Count, u.Amount, string(u.Currency)); err != nil {
			return err
		}
	}
	return sheet.Finish()
}

// rates lists what was converted at which rate; rates are texts, exact.
func (m *Month) rates(b *xlsx.Book) error {
	sheet, err := b.Sheet("FX rates", columns(16, "Account", "From", "To", "Rate", "Date", "Source", "Amount", "Converted", "Converted, exact")...)
	if err != nil {
		return err
	}
	for i := range m.Accounts {
		a := &m.Accounts[i]
		for _, c := range a.FX {
			if err := sheet.Row(a.PartnerID, string(c.From), string(c.To), c.Rate.String(), c.Date, c.Source, c.Amount, c.Converted, c.Converted.String()); err != nil {
				return err
			}
		}
		if a.FXOmitted > 0 {
			if err := sheet.Row(a.PartnerID, fmt.Sprintf("%d more sums are not listed", a.FXOmitted)); err != nil {
				return err
			}
		}
	}
	return sheet.Finish()
}

func (m *Month) documents(b *xlsx.Book) error {
	sheet, err := b.Sheet("Documents", xlsx.Column{Name: "Document", Width: 34}, xlsx.Column{Name: "Version", Width: 10},
		xlsx.Column{Name: "SHA-256 of its file", Width: 70}, xlsx.Column{Name: "Get the file back", Width: 60})
	if err != nil {
		return err
	}
	for _, d := range m.Documents {
		if err := sheet.Row(d.InvoiceID, d.Version, d.SHA256, fmt.Sprintf("prepay invoice original %s --version %d", d.InvoiceID, d.Version)); err != nil {
			return err
		}
	}
	return sheet.Finish()
}

// tie says how the month ties with the log, with control totals.
func (m *Month) tie(b *xlsx.Book) error {
	sheet, err := b.Sheet("How it ties", xlsx.Column{Name: "What", Width: 40}, xlsx.Column{Name: "Value", Width: 110})
	if err != nil {
		return err
	}
	rows := append([][2]string{
		{"Month", string(m.Month)}, {"State", string(m.Phase)}, {"Run", fmt.Sprint(m.Run)}, {"Proposed by", m.ProposedBy}, {"Approved by", m.ApprovedBy},
	}, m.Tie...)
	for _, t := range m.Totals() {
		c := string(t.Currency)
		rows = append(rows,
			[2]string{"Control total charged, " + c, t.Charged.String()}, [2]string{"Control total invoiced, " + c, t.Invoiced.String()},
			[2]string{"Control total difference, " + c, t.Difference.String()}, [2]string{"Control total posted before, " + c, t.PostedBefore.String()},
			[2]string{"Control total adjustment, " + c, t.Post.String()})
	}
	rows = append(rows, [2]string{"Check", "charged - invoiced = difference = posted before + adjustment, per line, account and currency; parts sum to the difference"})
	for _, r := range rows {
		if err := sheet.Row(r[0], r[1]); err != nil {
			return err
		}
	}
	return sheet.Finish()
}
