package domain

// Facts is what a decision may ask beyond the account's own state: answers
// that do not change while it decides. It is part of the state as far as
// Decide is concerned.
type Facts interface {
	// Seen tells what is known of a charge id (R8).
	Seen(key ChargeKey) Seen
	// Rate prices a conversation (R9); false where no card in force has a
	// rate.
	Rate(q RateQuery) (Rate, bool)
}

// Seen is what is known of one charge id in one account.
type Seen struct {
	// Counted says that the id was charged or counted as free; Content is
	// with what content.
	Counted bool
	Content ContentHash
	// Corrected says that the charge was taken back.
	Corrected bool
	// Quarantined are the entries of the id that are in quarantine now.
	Quarantined []QuarantinedEntry
}

// QuarantinedEntry is one charge id with one content in quarantine (R10).
type QuarantinedEntry struct {
	Content ContentHash
	Reason  Reason
}

// Reason returns the latest reason of the entry with this content, 0 where
// there is none.
func (s *Seen) Reason(content ContentHash) Reason {
	for _, q := range s.Quarantined {
		if q.Content == content {
			return q.Reason
		}
	}
	return 0
}
