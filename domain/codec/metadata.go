// Package codec turns events into bytes and back: JSON through explicit type
// names and schema versions, with upcasters for old payloads.
package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Metadata stands beside every event (R35). The names $correlationId and
// $causationId are those that EventStoreDB's own projections understand.
type Metadata struct {
	// Version is the schema version of the payload.
	Version int `json:"v"`
	// OccurredAt is when it happened, RecordedAt when it was recorded; UTC.
	OccurredAt time.Time `json:"occurred_at"`
	RecordedAt time.Time `json:"recorded_at"`
	// Actor is who caused it.
	Actor string `json:"actor"`
	// CommandID is the command that it answers.
	CommandID uuid.UUID `json:"command_id"`
	// CommandHash is the hash of that command's content, on its first event:
	// the same id with other content is a conflict.
	CommandHash string `json:"command_hash,omitempty"`
	// CorrelationID joins what one request led to; CausationID names what
	// led to this.
	CorrelationID uuid.UUID `json:"$correlationId,omitzero"`
	CausationID   uuid.UUID `json:"$causationId,omitzero"`
}

// ErrMetadata is wrapped by DecodeMetadata.
var ErrMetadata = errors.New("event metadata unreadable")

// AppendMetadata appends the metadata's JSON to b.
func AppendMetadata(b []byte, m *Metadata) []byte {
	b = append(b, `{"v":`...)
	b = appendInt(b, m.Version)
	b = append(b, `,"occurred_at":"`...)
	b = m.OccurredAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","recorded_at":"`...)
	b = m.RecordedAt.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","actor":`...)
	b = appendString(b, m.Actor)
	b = append(b, `,"command_id":"`...)
	b = appendUUID(b, m.CommandID)
	b = append(b, '"')
	if m.CommandHash != "" {
		b = append(b, `,"command_hash":`...)
		b = appendString(b, m.CommandHash)
	}
	if m.CorrelationID != uuid.Nil {
		b = append(b, `,"$correlationId":"`...)
		b = appendUUID(b, m.CorrelationID)
		b = append(b, '"')
	}
	if m.CausationID != uuid.Nil {
		b = append(b, `,"$causationId":"`...)
		b = appendUUID(b, m.CausationID)
		b = append(b, '"')
	}
	return append(b, '}')
}

// DecodeMetadata reads what AppendMetadata wrote.
func DecodeMetadata(b []byte) (Metadata, error) {
	var m Metadata
	if fastMetadata(scanner{b: b}, &m) {
		return m, nil
	}
	m = Metadata{}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if m.Version < 1 {
		return m, fmt.Errorf("%w: schema version %d", ErrMetadata, m.Version)
	}
	return m, nil
}

// fastMetadata reads metadata that has exactly AppendMetadata's shape; it
// reports false for anything else, which the general decoder then reads.
func fastMetadata(s scanner, m *Metadata) bool {
	s.lit(`{"v":`)
	m.Version = s.integer()
	s.lit(`,"occurred_at":`)
	m.OccurredAt = s.time()
	s.lit(`,"recorded_at":`)
	m.RecordedAt = s.time()
	s.lit(`,"actor":`)
	m.Actor = s.name()
	s.lit(`,"command_id":`)
	m.CommandID = s.uuid()
	if s.has(`,"command_hash":`) {
		m.CommandHash = s.str()
	}
	if s.has(`,"$correlationId":`) {
		m.CorrelationID = s.uuid()
	}
	if s.has(`,"$causationId":`) {
		m.CausationID = s.uuid()
	}
	s.lit(`}`)
	return s.done() && m.Version > 0
}
