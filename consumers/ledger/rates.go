package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// MarketsStream keeps the tables of markets; the newest holds.
const MarketsStream = "markets"

func rateCardStream(currency string) string { return "ratecard-" + currency }

// WABAStream keeps the volume tiers of a WABA.
func WABAStream(waba string) string { return "waba-" + waba }

// ImportRates puts a rate card into the book, whole or not at all (R9). The
// same card again changes nothing; it then reports false.
func (l *Ledger) ImportRates(ctx context.Context, m domain.Meta, name string, data []byte, opts rating.CardOptions) (*rating.Card, bool, error) {
	card, err := rating.ParseRateCard(name, data, opts)
	if err != nil {
		return nil, false, err
	}
	l.complete(&m)
	added := false
	err = decider.Retry(func() (err error) {
		added, err = l.importCard(ctx, m, name, data, card)
		return err
	})
	return card, added, err
}

func (l *Ledger) importCard(ctx context.Context, m domain.Meta, name string, data []byte, card *rating.Card) (bool, error) {
	l.rates.Lock()
	defer l.rates.Unlock()
	revision, err := l.readCards(ctx, string(card.Currency))
	if err != nil {
		return false, err
	}
	before := l.book.Load()
	after, err := before.With(card)
	if err != nil || after == before {
		return false, err
	}
	sum := sha256.Sum256(data)
	err = l.append(ctx, rateCardStream(string(card.Currency)), revision, m,
		&rating.RateCardImported{Card: card, FileName: name, FileSHA256: hex.EncodeToString(sum[:])})
	if err != nil {
		return false, err
	}
	l.book.Store(after)
	return true, nil
}

// readCards brings the cards of a currency into the book. The caller holds
// rates.
func (l *Ledger) readCards(ctx context.Context, currency string) (eventstore.Revision, error) {
	book := l.book.Load()
	revision, err := l.fold(ctx, rateCardStream(currency), func(e domain.Event) error {
		imported, ok := e.(*rating.RateCardImported)
		if !ok {
			return fmt.Errorf("event %s does not belong there", e.EventType())
		}
		next, err := book.With(imported.Card)
		if err == nil {
			book = next
		}
		return err
	})
	if err != nil {
		return revision, err
	}
	l.book.Store(book)
	return revision, nil
}

// readTiers brings the volume tiers of a WABA into the book. The caller holds
// rates.
func (l *Ledger) readTiers(ctx context.Context, waba string) (eventstore.Revision, error) {
	var changes []rating.TierChange
	revision, err := l.fold(ctx, WABAStream(waba), func(e domain.Event) error {
		if reached, ok := e.(*rating.TierReached); ok {
			changes = append(changes, reached.TierChange)
		}
		return nil
	})
	if err == nil && len(changes) > 0 {
		l.book.Store(l.book.Load().WithTiers(changes...))
	}
	return revision, err
}

// rated says for what an account's prices are in the book: events of cards,
// markets and tiers up to here, for so many channels.
type rated struct {
	references uint64
	channels   int
	currency   money.Currency
}

// loadRates brings what the account's prices depend on into the book: once,
// and again when another process added something or the account has another
// channel.
func (l *Ledger) loadRates(ctx context.Context, s *state) error {
	now := rated{l.views.References(), len(s.Channels), s.Currency}
	if !s.Opened || s.rated == now {
		return nil
	}
	l.rates.Lock()
	defer l.rates.Unlock()
	if l.references != now.references {
		clear(l.loaded)
		if err := l.loadMarkets(ctx); err != nil {
			return err
		}
		l.references = now.references
	}
	if key := "currency:" + string(s.Currency); !l.loaded[key] {
		if _, err := l.readCards(ctx, string(s.Currency)); err != nil {
			return err
		}
		l.loaded[key] = true
	}
	for _, c := range s.Channels {
		key := "waba:" + c.WABAID
		if l.loaded[key] {
			continue
		}
		if _, err := l.readTiers(ctx, c.WABAID); err != nil {
			return err
		}
		l.loaded[key] = true
	}
	s.rated = now
	return nil
}

// RecordTier records a volume tier by Meta's webhook. A repeat changes
// nothing; it then reports false.
func (l *Ledger) RecordTier(ctx context.Context, m domain.Meta, t rating.TierChange) (added bool, err error) {
	if _, _, err := rating.ParseTier(t.Tier); err != nil {
		return false, domain.Reject(domain.InvalidSetting, "tier: %s.", err)
	}
	l.complete(&m)
	err = decider.Retry(func() (err error) {
		added, err = l.recordTier(ctx, m, t)
		return err
	})
	return added, err
}

func (l *Ledger) recordTier(ctx context.Context, m domain.Meta, t rating.TierChange) (bool, error) {
	l.rates.Lock()
	defer l.rates.Unlock()
	known := false
	revision, err := l.fold(ctx, WABAStream(t.WABAID), func(e domain.Event) error {
		reached, ok := e.(*rating.TierReached)
		if ok && !t.At.Before(reached.At) {
			same := reached.TierChange
			same.At = t.At
			known = known || same == t
		}
		return nil
	})
	if err != nil || known {
		return false, err
	}
	if err := l.append(ctx, WABAStream(t.WABAID), revision, m, &rating.TierReached{TierChange: t}); err != nil {
		return false, err
	}
	l.book.Store(l.book.Load().WithTiers(t))
	return true, nil
}

// Markets is the table of markets in force.
func (l *Ledger) Markets() *rating.Markets { return l.markets.Load() }

// Book is the rate cards and tiers of the accounts in use.
func (l *Ledger) Book() *rating.Book { return l.book.Load() }

// ImportMarkets replaces the table of markets, whole or not at all. The same
// table again changes nothing; it then reports false.
func (l *Ledger) ImportMarkets(ctx context.Context, m domain.Meta, name string, data []byte) (bool, error) {
	markets, err := rating.ParseMarkets(name, data)
	if err != nil {
		return false, err
	}
	l.complete(&m)
	added := false
	err = decider.Retry(func() (err error) {
		added, err = l.importMarkets(ctx, m, name, data)
		return err
	})
	if added {
		l.markets.Store(markets)
	}
	return added, err
}

func (l *Ledger) importMarkets(ctx context.Context, m domain.Meta, name string, data []byte) (bool, error) {
	newest := ""
	revision, err := l.fold(ctx, MarketsStream, func(e domain.Event) error {
		if imported, ok := e.(*rating.MarketsImported); ok {
			newest = imported.Text
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if newest == string(data) {
		return false, nil
	}
	err = l.append(ctx, MarketsStream, revision, m, &rating.MarketsImported{FileName: name, Text: string(data)})
	return err == nil, err
}

func (l *Ledger) loadMarkets(ctx context.Context) error {
	for r, err := range l.store.ReadStream(ctx, MarketsStream, eventstore.End, eventstore.Backwards) {
		if err != nil {
			return ignoreNotFound(err)
		}
		e, err := l.decode(r)
		if err != nil {
			return err
		}
		imported, ok := e.(*rating.MarketsImported)
		if !ok {
			return fmt.Errorf("stream %s holds %s", MarketsStream, e.EventType())
		}
		markets, err := rating.ParseMarkets(imported.FileName, []byte(imported.Text))
		if err != nil {
			return err
		}
		l.markets.Store(markets)
		return nil
	}
	return nil
}

// NewCommand gives an id to a command of which there are many, such as the
// charges of one file; its time stays open.
func (l *Ledger) NewCommand(m domain.Meta) domain.Meta {
	if m.CommandID == uuid.Nil {
		m.CommandID = l.opts.IDs()
	}
	return m
}

// complete gives a command what its giver left open.
func (l *Ledger) complete(m *domain.Meta) {
	if m.At.IsZero() {
		m.At = l.Now()
	}
	if m.CommandID == uuid.Nil {
		m.CommandID = l.opts.IDs()
	}
}
