package reconciliation

import (
	"slices"

	"prepayledger/domain"
)

// waba is who has a WABA.
type waba struct {
	// paid are the accounts with a partner-paid channel in it, by id.
	paid   []string
	direct bool
	phones map[string]*phone
}

// phone is who has one number of a WABA.
type phone struct {
	paid   []string
	direct bool
}

// directory answers whose a WABA and a number are.
type directory map[string]*waba

func newDirectory(channels []Channel) directory {
	d := directory{}
	for i := range channels {
		c := &channels[i]
		w := d.waba(c.WABAID)
		p := &phone{}
		if c.PhoneNumberID != "" {
			if w.phones[c.PhoneNumberID] == nil {
				w.phones[c.PhoneNumberID] = p
			}
			p = w.phones[c.PhoneNumberID]
		}
		if c.PaymentModel == domain.Direct {
			w.direct, p.direct = true, true
			continue
		}
		w.paid = insert(w.paid, c.PartnerID)
		p.paid = insert(p.paid, c.PartnerID)
	}
	return d
}

// charged adds WABAs that only charges name: their channels were registered
// under another WABA, but their charges say whose they are.
func (d directory) charged(usage []Usage) {
	registered := make(map[string]bool, len(d))
	for id := range d {
		registered[id] = true
	}
	for i := range usage {
		u := &usage[i]
		if !registered[u.WABAID] && u.WABAID != "" {
			w := d.waba(u.WABAID)
			w.paid = insert(w.paid, u.PartnerID)
		}
	}
}

func (d directory) waba(id string) *waba {
	w := d[id]
	if w == nil {
		w = &waba{phones: map[string]*phone{}}
		d[id] = w
	}
	return w
}

// insert keeps a sorted set.
func insert(ids []string, id string) []string {
	at, found := slices.BinarySearch(ids, id)
	if found {
		return ids
	}
	return slices.Insert(ids, at, id)
}

// owners says whose a line is: accounts, direct, or why it is nobody's (R27).
func (d directory) owners(wabaID, phoneID string) (accounts []string, direct bool, why string) {
	w := d[wabaID]
	if w == nil {
		return nil, false, WhyUnknownWABA
	}
	if len(w.paid) == 0 {
		return nil, true, ""
	}
	var p *phone
	if phoneID != "" {
		p = w.phones[phoneID]
	}
	switch {
	case p != nil && len(p.paid) > 0 && !p.direct:
		return p.paid, false, ""
	case !w.direct:
		return w.paid, false, ""
	case p != nil && len(p.paid) == 0:
		return nil, true, ""
	default:
		return nil, false, WhyMixedWABA
	}
}
